#include "fixed.h"

#include <math.h>
#include <string.h>

/*
 * Round value * 2^64 to the nearest integer, ties to even. A double is m * 2^e with |m| < 2^53, so either
 * the shift goes left and is exact, or bits fall off the right end and decide the rounding.
 */
fixed128
fixed_from_double(double value)
{
	uint64_t bits;
	uint64_t magnitude;
	int exponent;
	int shift;
	fixed128 result;

	memcpy(&bits, &value, sizeof(bits));
	exponent = (int) (bits >> 52 & 0x7ff);
	magnitude = (bits & ((UINT64_C(1) << 52) - 1)) | (uint64_t) (exponent > 0) << 52;
	shift = exponent - 1075 + FIXED_FRACTION_BITS; /* subnormal numbers are nothing anyway */

	if (shift >= 0)
		result = (fixed128) magnitude << shift;
	else if (shift < -54)
		result = 0;
	else
	{
		uint64_t dropped = magnitude & ((UINT64_C(1) << -shift) - 1);
		uint64_t half = UINT64_C(1) << (-shift - 1);
		uint64_t kept = magnitude >> -shift;

		if (dropped > half || (dropped == half && (kept & 1)))
			kept++;
		result = kept;
	}
	return value < 0 ? -result : result;
}

uint64_t
fixed_cents(fixed128 value)
{
	uint64_t cents;

	if (value <= 0 || value >> 64 >= (fixed128) (FIXED_CENTS / 100))
		return 0;
	cents = (uint64_t) ((value * 100 + ((fixed128) 1 << 63)) >> 64);
	return fixed_from_cents(cents) == value ? cents : 0;
}

fixed128
fixed_from_cents(uint64_t cents)
{
	return fixed_from_double((double) cents / 100);
}

/* The nearest double of value * 2^-fraction_bits: keep 64 leading bits, fold the rest into a sticky bit. */
double
fixed_to_double_scaled(fixed128 value, int fraction_bits)
{
	ufixed128 magnitude = value < 0 ? -(ufixed128) value : (ufixed128) value;
	uint64_t high = (uint64_t) (magnitude >> 64);
	int shift = 0;
	uint64_t leading;
	uint64_t kept;
	uint64_t dropped;
	double result;

	if (high != 0)
	{
		shift = 64 - __builtin_clzll(high);
		leading = (uint64_t) (magnitude >> shift);
		if (magnitude & (((ufixed128) 1 << shift) - 1))
			leading |= 1; /* sticky: below any rounding position, as leading has 64 bits */
	}
	else
		leading = (uint64_t) magnitude;
	if (leading >> 53 == 0)
		result = ldexp((double) leading, shift - fraction_bits);
	else
	{
		int extra = 11 - __builtin_clzll(leading);

		kept = leading >> extra;
		dropped = leading & ((UINT64_C(1) << extra) - 1);
		if (dropped > (UINT64_C(1) << (extra - 1)) || (dropped == (UINT64_C(1) << (extra - 1)) && (kept & 1)))
			kept++;
		result = ldexp((double) kept, shift + extra - fraction_bits);
	}
	return value < 0 ? -result : result;
}

double
fixed_to_double(fixed128 value)
{
	return fixed_to_double_scaled(value, FIXED_FRACTION_BITS);
}

/* value^2 in units of 2^-64 is (value in units)^2 / 2^64, rounded half to even. */
FixedSquare
fixed_square(fixed128 value)
{
	ufixed128 magnitude = value < 0 ? -(ufixed128) value : (ufixed128) value;
	uint64_t low = (uint64_t) magnitude;
	uint64_t high = (uint64_t) (magnitude >> 64);
	ufixed128 low_low = (ufixed128) low * low;
	ufixed128 low_high = (ufixed128) low * high;
	ufixed128 high_high = (ufixed128) high * high;
	uint64_t dropped = (uint64_t) low_low;
	ufixed128 sum;
	FixedSquare square;

	/* digits of the product in base 2^64 are d0 = dropped, d1, d2, d3; the cross term counts twice */
	sum = (low_low >> 64) + (uint64_t) low_high + (uint64_t) low_high;
	square.word[0] = (uint64_t) sum;
	sum = (sum >> 64) + (low_high >> 64) + (low_high >> 64) + (uint64_t) high_high;
	square.word[1] = (uint64_t) sum;
	square.word[2] = (uint64_t) (sum >> 64) + (uint64_t) (high_high >> 64);
	if (dropped > UINT64_C(1) << 63 || (dropped == UINT64_C(1) << 63 && (square.word[0] & 1)))
	{
		FixedSquare one = {{1, 0, 0}};

		(void) fixed_square_add(&square, one); /* value < 2^114, so there is room */
	}
	return square;
}

bool
fixed_square_add(FixedSquare *sum, FixedSquare addend)
{
	ufixed128 carry = 0;

	for (int i = 0; i < 3; i++)
	{
		carry += (ufixed128) sum->word[i] + addend.word[i];
		sum->word[i] = (uint64_t) carry;
		carry >>= 64;
	}
	return carry == 0;
}

FixedSquare
fixed_square_divide(FixedSquare square, uint64_t divisor)
{
	ufixed128 remainder = 0;

	for (int i = 3; i-- > 0;)
	{
		remainder = remainder << 64 | square.word[i];
		square.word[i] = (uint64_t) (remainder / divisor);
		remainder %= divisor;
	}
	return square;
}

/* Not correctly rounded to the last half unit, but always the same: the words are added high to low. */
double
fixed_square_to_double(FixedSquare square)
{
	return ldexp((double) square.word[2], 64) + (double) square.word[1] + ldexp((double) square.word[0], -64);
}

static bool
square_exceeds(FixedSquare a, FixedSquare b)
{
	for (int i = 3; i-- > 0;)
	{
		if (a.word[i] != b.word[i])
			return a.word[i] > b.word[i];
	}
	return false;
}

bool
fixed_squares_possible(FixedSquare squares, fixed128 value, int64_t count)
{
	FixedSquare whole = fixed_square(value);
	FixedSquare most = whole;
	FixedSquare slack = {{2 * (uint64_t) count, 0, 0}};
	FixedSquare product;
	ufixed128 carry = 0;

	if (fixed_square_add(&most, slack) && square_exceeds(squares, most))
		return false;
	if (!fixed_square_add(&squares, slack))
		return true;
	for (int i = 0; i < 3; i++) /* by the count, which spares a division */
	{
		carry += (ufixed128) squares.word[i] * (uint64_t) count;
		product.word[i] = (uint64_t) carry;
		carry >>= 64;
	}
	return carry > 0 || !square_exceeds(whole, product);
}
