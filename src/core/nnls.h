/*
 * Non-negative least squares from normal equations: minimise b'Ab/2 - c'b with some of b held at or above 0.
 */
#ifndef ATTRIB_NNLS_H
#define ATTRIB_NNLS_H

#include "core.h"

/* Doubles and ints of scratch for n unknowns. */
#define NNLS_DOUBLES(n) ((size_t) (n) * ((n) + 4))
#define NNLS_INTS(n) ((size_t) 2 * (n))

/*
 * A is symmetric, n by n, positive definite on what is not held at 0 (a ridge penalty on its diagonal makes it
 * so). Unknowns whose column depends on those before it stay 0. CORE_NO_CONVERGE cannot happen but for NaN.
 */
extern CoreStatus nnls_solve(int n, const double *A, const double *c, const bool *nonneg, double *b,
							 double *doubles, int *ints);

/* The greatest violation of the Karush-Kuhn-Tucker conditions, against the greatest |c|. */
extern double nnls_kkt(int n, const double *A, const double *c, const bool *nonneg, const double *b);

/*
 * Lower triangle of the Cholesky factor in place (row-major, rows `stride` apart); false at a pivot that is not
 * positive beyond rounding.
 */
extern bool cholesky(int n, int stride, double *A);
extern void cholesky_solve(int n, int stride, const double *L, double *b);

#endif
