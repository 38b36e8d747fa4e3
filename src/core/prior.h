/*
 * Prior distributions of a single number, on their support and on the whole line on which the sampler moves.
 */
#ifndef ATTRIB_PRIOR_H
#define ATTRIB_PRIOR_H

#include "line_map.h"
#include "random.h"

/* Arguments in the order given, with the names that PyMC has for them. */
typedef enum PriorKind
{
	PRIOR_NORMAL,			/* mu, sigma */
	PRIOR_HALFNORMAL,		/* sigma */
	PRIOR_LOGNORMAL,		/* mu, sigma: of the logarithm */
	PRIOR_BETA,				/* alpha, beta */
	PRIOR_GAMMA,			/* alpha, beta: shape and rate */
	PRIOR_INVERSE_GAMMA,	/* alpha, beta: shape and scale */
	PRIOR_EXPONENTIAL,		/* lam: rate */
	PRIOR_UNIFORM,			/* lower, upper */
	PRIOR_TRUNCATED_NORMAL, /* mu, sigma: before the cut; lower, upper: may be infinite */
	PRIOR_STUDENT_T,		/* nu, mu, sigma */
	PRIOR_HALF_STUDENT_T,	/* nu, sigma */
	PRIOR_HALF_CAUCHY,		/* beta: scale */
} PriorKind;

#define PRIOR_KINDS 12
#define PRIOR_MAX_ARGUMENTS 4

/* Made by prior_init, which alone sets log_norm. */
typedef struct Prior
{
	PriorKind kind;
	double argument[PRIOR_MAX_ARGUMENTS];
	double log_norm; /* log density = log_norm + what depends on x */
} Prior;

extern const char *prior_name(PriorKind kind); /* "normal", "halfnormal", "inversegamma", ... */
extern bool prior_by_name(const char *name, PriorKind *kind);
extern const char *prior_names(void); /* "normal, halfnormal, ..." for messages */
extern int prior_arguments(PriorKind kind);
extern const char *prior_argument_name(PriorKind kind, int i);

/* The value of an argument that was not given; NaN where it must be. */
extern double prior_argument_default(PriorKind kind, int i);

/* What an argument must be, for messages: "above 0". */
extern const char *prior_argument_rule(PriorKind kind, int i);

/* -1, or the first argument that breaks its rule; the prior is usable only after -1. */
extern int prior_init(Prior *prior, PriorKind kind, const double *arguments);

/* log_norm of a prior whose arguments obey their rules. */
extern double prior_log_norm(PriorKind kind, const double *arguments);

/* The closed interval outside which the density is 0; infinite ends where there is none. */
extern void prior_support(const Prior *prior, double *low, double *high);

/*
 * Normalised log density; *slope, if not NULL, its derivative. -INFINITY (and slope 0) outside the support; at an
 * end of the support where the density has a pole, INFINITY.
 */
extern double prior_log_density(const Prior *prior, double x, double *slope);

/* NaN where there is none, INFINITY where it is. */
extern double prior_mean(const Prior *prior);
extern double prior_sd(const Prior *prior);

/* 0 <= p <= 1 */
extern double prior_quantile(const Prior *prior, double p);

/* Strictly inside the support wherever doubles allow it. */
extern double prior_draw(const Prior *prior, RandomStream *stream);

extern LineMap prior_line_map(const Prior *prior); /* of its support */

/* Log density of u under the prior of x, Jacobian included; *slope along u; *x the value itself. */
extern double prior_line_log_density(const Prior *prior, const LineMap *map, double u, double *x,
									 double *slope);

#endif
