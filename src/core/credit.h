/*
 * Credit as integers: what the models that split counts evenly add up, so that nothing is lost or made.
 */
#ifndef ATTRIB_CREDIT_H
#define ATTRIB_CREDIT_H

#include <math.h>

#include "summary_view.h"

/*
 * Conversions in units of 2^-60, so that all 2^63 of them fit, and value in units of 2^-64. One conversion to
 * float8 at the very end rounds once.
 */
typedef struct ExactCredit
{
	fixed128 conversions;
	fixed128 value;
} ExactCredit;

static inline ExactCredit
exact_path_credit(const SummaryPath *path)
{
	return (ExactCredit){(fixed128) path->conversions << DECAY_FRACTION_BITS, path->value};
}

static inline void
exact_add(ExactCredit *sum, ExactCredit addend)
{
	sum->conversions += addend.conversions;
	sum->value += addend.value;
}

static inline Credit
exact_to_credit(ExactCredit exact)
{
	return (Credit){fixed_to_double_scaled(exact.conversions, DECAY_FRACTION_BITS),
					fixed_to_double(exact.value)};
}

/* An amount in equal parts: each gets the quotient, and the first `remainder` parts one unit more. */
typedef struct ExactSplit
{
	ExactCredit quotient;
	ExactCredit remainder;
} ExactSplit;

static inline ExactSplit
exact_split(ExactCredit whole, uint32_t parts)
{
	return (ExactSplit){{whole.conversions / parts, whole.value / parts},
						{whole.conversions % parts, whole.value % parts}};
}

static inline ExactCredit
exact_part(const ExactSplit *split, uint32_t part)
{
	return (ExactCredit){split->quotient.conversions + (part < split->remainder.conversions),
						 split->quotient.value + (part < split->remainder.value)};
}

/* Does the path bring any credit to hand out? */
static inline bool
path_earns(const SummaryPath *path)
{
	return path->conversions > 0 || path->value != 0;
}

/* The conversions no channel can earn: those of the empty path, which sorts first. */
static inline ExactCredit
exact_unattributed(const SummaryView *view)
{
	if (view->npaths > 0 && view->paths[0].ntouches == 0)
		return exact_path_credit(&view->paths[0]);
	return (ExactCredit){0, 0};
}

/* Neumaier's compensated sum, for the models whose weights are not fractions of small integers. */
typedef struct CompensatedSum
{
	double sum;
	double lost;
} CompensatedSum;

static inline void
compensated_add(CompensatedSum *acc, double addend)
{
	double sum = acc->sum + addend;

	acc->lost += fabs(acc->sum) >= fabs(addend) ? (acc->sum - sum) + addend : (addend - sum) + acc->sum;
	acc->sum = sum;
}

static inline double
compensated_value(CompensatedSum acc)
{
	return acc.sum + acc.lost;
}

#endif
