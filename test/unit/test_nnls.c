/* Non-negative ridge against the golden solutions of exhaustive active sets, and random problems by KKT. */
#include <string.h>

#include "core/nnls.h"
#include "nnls_golden.h"
#include "unit.h"

#define MOST 20

static double doubles[NNLS_DOUBLES(MOST)];
static int ints[NNLS_INTS(MOST)];

static void
check_golden(int s)
{
	int n = GOLDEN_COLUMNS;
	double A[GOLDEN_COLUMNS * GOLDEN_COLUMNS];
	double c[GOLDEN_COLUMNS];
	double b[GOLDEN_COLUMNS];
	bool nonneg[GOLDEN_COLUMNS];
	double worst = 0;

	for (int i = 0; i < n; i++)
	{
		nonneg[i] = i < golden[s].nonneg;
		c[i] = 0;
		for (int r = 0; r < GOLDEN_ROWS; r++)
			c[i] += golden_x[r][i] * golden_y[r];
		for (int j = 0; j < n; j++)
		{
			A[i * n + j] = i == j ? golden[s].lambda : 0;
			for (int r = 0; r < GOLDEN_ROWS; r++)
				A[i * n + j] += golden_x[r][i] * golden_x[r][j];
		}
	}
	ok(nnls_solve(n, A, c, nonneg, b, doubles, ints) == CORE_OK, "golden %d is solved", s);
	for (int i = 0; i < n; i++)
		worst = fmax(worst, fabs(b[i] - golden[s].b[i]));
	ok(worst < 1e-9, "golden %d: lambda %g, %d non-negative (off by %g)", s, golden[s].lambda,
	   golden[s].nonneg, worst);
	ok(nnls_kkt(n, A, c, nonneg, b) < 1e-12, "golden %d: KKT residual", s);
}

static unsigned state = 7;

static double
uniform(void)
{
	state = state * 1664525u + 1013904223u;
	return (state >> 8) / 16777216.0 - 0.5;
}

/* Ill-conditioned on purpose: fewer rows than columns, saved by the penalty. */
static double
random_problem(int n, int rows, double lambda)
{
	double X[MOST][MOST];
	double A[MOST * MOST];
	double c[MOST];
	double b[MOST];
	bool nonneg[MOST];

	for (int r = 0; r < rows; r++)
		for (int i = 0; i < n; i++)
			X[r][i] = uniform() + (i > 0 ? X[r][i - 1] : 0);
	for (int i = 0; i < n; i++)
	{
		nonneg[i] = uniform() > -0.3;
		c[i] = 3 * uniform();
		for (int j = 0; j < n; j++)
		{
			A[i * n + j] = i == j ? lambda : 0;
			for (int r = 0; r < rows; r++)
				A[i * n + j] += X[r][i] * X[r][j];
		}
	}
	if (nnls_solve(n, A, c, nonneg, b, doubles, ints) != CORE_OK)
		return INFINITY;
	return nnls_kkt(n, A, c, nonneg, b);
}

int
main(void)
{
	double worst = 0;
	double A[4] = {1, 1, 1, 1};
	double c[2] = {1, 1};
	double b[2];
	bool both[2] = {true, true};
	bool neither[2] = {false, false};

	for (int s = 0; s < GOLDEN_SOLUTIONS; s++)
		check_golden(s);
	for (int trial = 0; trial < 3000; trial++)
		worst = fmax(worst, random_problem(1 + trial % MOST, 1 + trial % 13, trial % 3 ? 0.01 : 1));
	ok(worst < 1e-9, "3000 random problems meet the KKT conditions (worst %g)", worst);
	ok(nnls_solve(2, A, c, both, b, doubles, ints) == CORE_OK && fabs(b[0] + b[1] - 1) < 1e-12,
	   "two identical columns share or one takes all");
	ok(nnls_solve(2, A, c, neither, b, doubles, ints) == CORE_OK && fabs(b[0] + b[1] - 1) < 1e-12,
	   "also where they may be negative");
	memset(A, 0, sizeof(A));
	ok(nnls_solve(2, A, c, both, b, doubles, ints) == CORE_OK && b[0] == 0 && b[1] == 0,
	   "empty columns get 0");
	return done();
}
