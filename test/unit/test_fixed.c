/* src/core/fixed.c: money as a 128-bit integer in units of 2^-64. */
#include "unit.h"
#include "core/fixed.h"

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
	return done();
}
