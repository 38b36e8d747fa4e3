/*
 * Exact amounts as text. Twenty decimals tell multiples of 2^-64 apart, so what is printed reads back to the
 * same bits.
 */
#ifndef ATTRIB_AMOUNT_TEXT_H
#define ATTRIB_AMOUNT_TEXT_H

#include "attrib.h"
#include "lib/stringinfo.h"

#define AMOUNT_DECIMALS 20

/* whole + fraction * 2^-64, rounded to 20 decimals, without trailing zeros. */
extern void append_amount(StringInfo out, ufixed128 whole, uint64 fraction);
extern void append_fixed(StringInfo out, fixed128 value); /* >= 0 */

/* A plain decimal as whole + fraction * 2^-64, to the nearest; false if it is none or too long. */
extern bool parse_amount(const char *text, ufixed128 *whole, uint64 *fraction);

#endif
