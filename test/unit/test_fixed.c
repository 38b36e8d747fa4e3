/* src/core/fixed.c: money as a 128-bit integer in units of 2^-64. */
#include "unit.h"
#include "core/fixed.h"

static FixedSquare
square_moved(FixedSquare square, int64_t units)
{
	FixedSquare step = {{(uint64_t) units, units < 0 ? UINT64_MAX : 0, units < 0 ? UINT64_MAX : 0}};

	(void) fixed_square_add(&square, step);
	return square;
}

/* Sums of squares between value^2 / count and value^2, the ends included, and rounding allowed for. */
static void
test_squares(void)
{
	fixed128 value = fixed_from_double(30);
	FixedSquare even = fixed_square(fixed_from_double(10));
	FixedSquare sum = even;
	FixedSquare whole = fixed_square(value);
	FixedSquare odd = {{0, 0, 0}};
	fixed128 odd_value = 0;

	(void) fixed_square_add(&sum, even);
	(void) fixed_square_add(&sum, even);
	ok(fixed_squares_possible(sum, value, 3), "three equal values");
	ok(fixed_squares_possible(whole, value, 3), "one of them all");
	ok(!fixed_squares_possible(square_moved(sum, -7), value, 3), "less than equal values");
	ok(!fixed_squares_possible(square_moved(whole, 7), value, 3), "more than one of them all");
	ok(fixed_squares_possible(square_moved(sum, -6), value, 3), "what rounding may take away");
	ok(fixed_squares_possible(fixed_square_divide(whole, 3), value, 3), "as of counted paths");
	for (int i = 0; i < 1000; i++)
	{
		fixed128 third = fixed_from_double(1.0 / 3 + i * 1e-19);

		odd_value += third;
		(void) fixed_square_add(&odd, fixed_square(third));
	}
	ok(fixed_squares_possible(odd, odd_value, 1000), "values whose squares are rounded");
	ok(fixed_squares_possible((FixedSquare){{0, 0, 0}}, 0, 0), "nothing");
	ok(!fixed_squares_possible((FixedSquare){{9, 0, 0}}, 0, 1), "squares without value");
	value = fixed_from_double(9e18);
	ok(fixed_squares_possible(fixed_square(value), value, INT64_MAX), "the largest value");
	ok(!fixed_squares_possible((FixedSquare){{UINT64_MAX, UINT64_MAX, UINT64_MAX}}, value, 2),
	   "more than any value");
}

/* Cents are told from what is none, over all sizes, and come back. */
static void
test_cents(void)
{
	uint64_t state = 1;
	int wrong = 0;
	int taken = 0;

	for (int i = 0; i < 100000; i++)
	{
		uint64_t cents = (state = state * UINT64_C(6364136223846793005) + 1) >> (19 + i % 45);
		double value = (double) cents / 100;

		if (cents == 0)
			continue;
		wrong += fixed_from_cents(cents) != fixed_from_double(value) ||
				 fixed_cents(fixed_from_double(value)) != cents;
		taken += fixed_cents(fixed_from_double(nextafter(value, INFINITY))) != 0;
		taken += fixed_cents(fixed_from_double(value) + 1) != 0;
	}
	ok(wrong == 0, "numbers of cents come back (%d wrong)", wrong);
	ok(taken == 0, "and their neighbours are none (%d taken)", taken);
	ok(fixed_cents(0) == 0 && fixed_cents(-fixed_from_double(1)) == 0 &&
		   fixed_cents(fixed_from_double(1e15)) == 0 && fixed_cents(fixed_from_double(0.001)) == 0 &&
		   fixed_cents(fixed_from_double(9e18)) == 0,
	   "nothing, less, too much and too little");
}

int
main(void)
{
	fixed128 sum = 0;
	int cent;

	for (cent = 0; cent < 100000 && fixed_to_double(fixed_from_double(cent / 100.0)) == cent / 100.0; cent++)
		;
	ok(cent == 100000, "every cent amount below 1 000 comes back exactly (%d)", cent);

	for (int i = 0; i < 10; i++)
		fixed_add(&sum, fixed_from_double(0.1));
	ok(fixed_to_double(sum) == 1.0, "ten times 0.1 is 1");

	sum = 0;
	fixed_add(&sum, fixed_from_double(1e15));
	fixed_add(&sum, fixed_from_double(0x1p-64));
	fixed_add(&sum, -fixed_from_double(1e15));
	ok(fixed_to_double(sum) == 0x1p-64, "a small addend survives a large one");
	ok(fixed_from_double(0x1p-65) == 0 && fixed_from_double(3 * 0x1p-65) == 2, "halves round to even");
	test_cents();
	test_squares();
	return done();
}
