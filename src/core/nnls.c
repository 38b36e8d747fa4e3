/*
 * Lawson and Hanson's active set (1974, ch. 23) on the normal equations, as Bro and de Jong (1997) run it. The
 * unknowns that may be negative are in the set from the start. For the dozens of unknowns of a media mix model a
 * fresh factorisation of the set at each change costs less than keeping one up to date.
 */
#include "nnls.h"

#include <float.h>
#include <math.h>
#include <string.h>

bool
cholesky(int n, int stride, double *A)
{
	for (int j = 0; j < n; j++)
	{
		double *row = A + (size_t) j * stride;
		double diagonal = row[j];
		double pivot = diagonal;

		for (int k = 0; k < j; k++)
			pivot -= row[k] * row[k];
		if (!(pivot > n * DBL_EPSILON * diagonal))
			return false;
		row[j] = sqrt(pivot);
		for (int i = j + 1; i < n; i++)
		{
			double *below = A + (size_t) i * stride;
			double sum = below[j];

			for (int k = 0; k < j; k++)
				sum -= below[k] * row[k];
			below[j] = sum / row[j];
		}
	}
	return true;
}

void
cholesky_solve(int n, int stride, const double *L, double *b)
{
	for (int i = 0; i < n; i++)
	{
		const double *row = L + (size_t) i * stride;

		for (int k = 0; k < i; k++)
			b[i] -= row[k] * b[k];
		b[i] /= row[i];
	}
	for (int i = n - 1; i >= 0; i--)
	{
		for (int k = i + 1; k < n; k++)
			b[i] -= L[(size_t) k * stride + i] * b[k];
		b[i] /= L[(size_t) i * stride + i];
	}
}

/* What one solve keeps at hand. */
typedef struct Nnls
{
	int n;
	const double *A;
	const double *c;
	double *factor;
	double *solution; /* in the order of `set` */
	int *set;	/* the unknowns not held at 0 */
	int *place; /* of each unknown in the set, or -1; -2: dependent, never to enter */
	int size;
} Nnls;

static bool
solve_set(Nnls *s)
{
	for (int i = 0; i < s->size; i++)
	{
		for (int j = 0; j <= i; j++)
			s->factor[(size_t) i * s->n + j] = s->A[(size_t) s->set[i] * s->n + s->set[j]];
		s->solution[i] = s->c[s->set[i]];
	}
	if (!cholesky(s->size, s->n, s->factor))
		return false;
	cholesky_solve(s->size, s->n, s->factor, s->solution);
	return true;
}

static void
enter(Nnls *s, int j)
{
	s->place[j] = s->size;
	s->set[s->size++] = j;
}

static void
leave(Nnls *s, int j, int mark)
{
	for (int i = s->place[j]; i + 1 < s->size; i++)
	{
		s->set[i] = s->set[i + 1];
		s->place[s->set[i]] = i;
	}
	s->size--;
	s->place[j] = mark;
}

/*
 * Moves b towards the solution of the set as far as no bound is crossed and drops what reaches its bound.
 * True if the solution was reached.
 */
static bool
step(Nnls *s, const bool *nonneg, double *b)
{
	double length = 1;
	bool reached;

	for (int i = 0; i < s->size; i++)
	{
		int j = s->set[i];

		if (nonneg[j] && s->solution[i] <= 0)
			length = fmin(length, b[j] > 0 ? b[j] / (b[j] - s->solution[i]) : 0);
	}
	reached = length == 1;
	for (int i = 0; i < s->size; i++)
		b[s->set[i]] += length * (s->solution[i] - b[s->set[i]]);
	for (int i = s->size - 1; i >= 0; i--)
	{
		int j = s->set[i];

		if (nonneg[j] && (reached ? b[j] <= 0 : b[j] <= DBL_EPSILON * fabs(s->solution[i])))
		{
			b[j] = 0;
			leave(s, j, -1);
		}
	}
	return reached;
}

/* The unknown whose growth from 0 gains most, or -1. */
static int
best_entrant(Nnls *s, const bool *nonneg, const double *b)
{
	double scale = 0;
	double most = 0;
	int best = -1;

	for (int j = 0; j < s->n; j++)
		scale = fmax(scale, fabs(s->c[j]));
	for (int j = 0; j < s->n; j++)
	{
		double gradient = s->c[j];

		if (s->place[j] != -1 || !nonneg[j])
			continue;
		for (int k = 0; k < s->n; k++)
			gradient -= s->A[(size_t) j * s->n + k] * b[k];
		if (gradient > most && gradient > 1e-13 * scale)
		{
			most = gradient;
			best = j;
		}
	}
	return best;
}

CoreStatus
nnls_solve(int n, const double *A, const double *c, const bool *nonneg, double *b, double *doubles, int *ints)
{
	Nnls s = {.n = n, .A = A, .c = c, .factor = doubles, .solution = doubles + (size_t) n * n};
	int entrant = -1;

	s.set = ints;
	s.place = ints + n;
	memset(b, 0, sizeof(double) * n);
	for (int j = 0; j < n; j++)
	{
		s.place[j] = -1;
		if (nonneg[j])
			continue;
		enter(&s, j);
		if (!solve_set(&s))
			leave(&s, j, -2);
	}
	for (int rounds = 0; rounds < 10 * n + 10; rounds++)
	{
		if (s.size > 0 && !solve_set(&s))
		{
			/* only the last to come can be dependent on the others */
			if (entrant < 0)
				return CORE_NUMERIC;
			b[entrant] = 0;
			leave(&s, entrant, -2);
			entrant = -1;
			continue;
		}
		if (s.size > 0 && entrant >= 0 && s.solution[s.place[entrant]] <= 0)
		{
			/* rounding alone made it look like a gain */
			leave(&s, entrant, -2);
			entrant = -1;
			continue;
		}
		entrant = -1;
		if (s.size > 0 && !step(&s, nonneg, b))
			continue;
		entrant = best_entrant(&s, nonneg, b);
		if (entrant < 0)
			return CORE_OK;
		enter(&s, entrant);
	}
	return CORE_NO_CONVERGE;
}

double
nnls_kkt(int n, const double *A, const double *c, const bool *nonneg, const double *b)
{
	double scale = 0;
	double worst = 0;

	for (int j = 0; j < n; j++)
	{
		double gradient = c[j];

		for (int k = 0; k < n; k++)
			gradient -= A[(size_t) j * n + k] * b[k];
		scale = fmax(scale, fabs(c[j]));
		worst = fmax(worst, nonneg[j] && b[j] == 0 ? gradient : fabs(gradient));
		if (nonneg[j])
			worst = fmax(worst, -b[j]);
	}
	return scale > 0 ? worst / scale : worst;
}
