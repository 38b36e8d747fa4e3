/*
 * Money as a 128-bit integer in units of 2^-64.
 *
 * Sums of float8 depend on the order of the rows, so serial and parallel plans, or a rollup of parts, would
 * differ in their last digits. Integers do not: every input is rounded once (half to even) to a multiple of
 * 2^-64, sums are exact, and one correctly rounded conversion makes the float8 that the user sees.
 */
#ifndef ATTRIB_FIXED_H
#define ATTRIB_FIXED_H

#include "core.h"

/* Aligned to 8, as PostgreSQL's allocator is; by itself the compiler would assume 16. */
__extension__ typedef __int128 fixed128 __attribute__((aligned(8)));
__extension__ typedef unsigned __int128 ufixed128 __attribute__((aligned(8)));

#define FIXED_FRACTION_BITS 64

/* The largest |value| an input may have: 9 223 of them still fit the sum. */
#define FIXED_MAX_INPUT 1e15

/* The sum's own limit, 2^63. */
#define FIXED_MAX_SUM 9223372036854775808.0

extern fixed128 fixed_from_double(double value); /* |value| < FIXED_MAX_SUM, not NaN */
extern double fixed_to_double(fixed128 value);

/*
 * The value of an order is nearly always a number of cents that went through a float8. fixed_cents() is that number, 0
 * for anything else; fixed_from_cents() gives the value back, for numbers below FIXED_CENTS.
 */
#define FIXED_CENTS ((uint64_t) 1 << 46)
extern uint64_t fixed_cents(fixed128 value);
extern fixed128 fixed_from_cents(uint64_t cents);

extern double fixed_to_double_scaled(fixed128 value, int fraction_bits);

static inline bool
fixed_add(fixed128 *sum, fixed128 addend)
{
	return !__builtin_add_overflow(*sum, addend, sum);
}

/*
 * A sum of squared values, for bootstrap intervals: 192 bits in units of 2^-64, so that it overflows no
 * earlier than the sum it belongs to. Squares are never negative.
 */
typedef struct FixedSquare
{
	uint64_t word[3]; /* least significant first */
} FixedSquare;

extern FixedSquare fixed_square(fixed128 value);
extern bool fixed_square_add(FixedSquare *sum, FixedSquare addend);
extern FixedSquare fixed_square_divide(FixedSquare square, uint64_t divisor); /* rounded down */
extern double fixed_square_to_double(FixedSquare square);

/*
 * Can that many values >= 0 with the sum `value` have that sum of squares? It lies between value^2 / count and
 * value^2, give or take what rounding each square (half a unit), and dividing those of counted paths (a
 * unit), can move it: two units of 2^-64 a value.
 */
extern bool fixed_squares_possible(FixedSquare squares, fixed128 value, int64_t count);

#endif
