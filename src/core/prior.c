#include "prior.h"

#include <math.h>
#include <string.h>

/* Powers of arguments must stay within doubles. */
#define GREATEST 1e50
#define SMALLEST_POSITIVE 1e-50

/* A normal cut off further out than this has nothing left that doubles can tell apart. */
#define FARTHEST_CUT 1000

typedef enum Rule
{
	RULE_ANY,
	RULE_POSITIVE,
	RULE_LOWER, /* an end of an interval, finite */
	RULE_UPPER,
	RULE_LOWER_CUT, /* the same, possibly infinite */
	RULE_UPPER_CUT,
} Rule;

static const char *const rule_text[] = {
	[RULE_ANY] = "a finite number within 1e50 of 0",
	[RULE_POSITIVE] = "between 1e-50 and 1e50",
	[RULE_LOWER] = "a finite number within 1e50 of 0",
	[RULE_UPPER] = "a finite number above lower",
	[RULE_LOWER_CUT] = "less than mu + 1000 sigma",
	[RULE_UPPER_CUT] = "above lower and more than mu - 1000 sigma",
};

static const struct PriorForm
{
	const char *name;
	int arguments;
	struct
	{
		const char *name;
		Rule rule;
		double missing; /* the value where none is given; NaN: must be given */
	} argument[PRIOR_MAX_ARGUMENTS];
} form[PRIOR_KINDS] = {
	[PRIOR_NORMAL] = {"normal", 2, {{"mu", RULE_ANY, 0}, {"sigma", RULE_POSITIVE, NAN}}},
	[PRIOR_HALFNORMAL] = {"halfnormal", 1, {{"sigma", RULE_POSITIVE, NAN}}},
	[PRIOR_LOGNORMAL] = {"lognormal", 2, {{"mu", RULE_ANY, 0}, {"sigma", RULE_POSITIVE, NAN}}},
	[PRIOR_BETA] = {"beta", 2, {{"alpha", RULE_POSITIVE, NAN}, {"beta", RULE_POSITIVE, NAN}}},
	[PRIOR_GAMMA] = {"gamma", 2, {{"alpha", RULE_POSITIVE, NAN}, {"beta", RULE_POSITIVE, NAN}}},
	[PRIOR_INVERSE_GAMMA] = {"inversegamma",
							 2,
							 {{"alpha", RULE_POSITIVE, NAN}, {"beta", RULE_POSITIVE, NAN}}},
	[PRIOR_EXPONENTIAL] = {"exponential", 1, {{"lam", RULE_POSITIVE, NAN}}},
	[PRIOR_UNIFORM] = {"uniform", 2, {{"lower", RULE_LOWER, 0}, {"upper", RULE_UPPER, 1}}},
	[PRIOR_TRUNCATED_NORMAL] = {"truncatednormal",
								4,
								{{"mu", RULE_ANY, 0},
								 {"sigma", RULE_POSITIVE, NAN},
								 {"lower", RULE_LOWER_CUT, -INFINITY},
								 {"upper", RULE_UPPER_CUT, INFINITY}}},
	[PRIOR_STUDENT_T] = {"studentt",
						 3,
						 {{"nu", RULE_POSITIVE, NAN}, {"mu", RULE_ANY, 0}, {"sigma", RULE_POSITIVE, NAN}}},
	[PRIOR_HALF_STUDENT_T] = {"halfstudentt", 2, {{"nu", RULE_POSITIVE, NAN}, {"sigma", RULE_POSITIVE, NAN}}},
	[PRIOR_HALF_CAUCHY] = {"halfcauchy", 1, {{"beta", RULE_POSITIVE, NAN}}},
};

const char *
prior_name(PriorKind kind)
{
	return form[kind].name;
}

bool
prior_by_name(const char *name, PriorKind *kind)
{
	for (int i = 0; i < PRIOR_KINDS; i++)
	{
		if (strcmp(name, form[i].name) == 0)
		{
			*kind = (PriorKind) i;
			return true;
		}
	}
	return false;
}

const char *
prior_names(void)
{
	return "normal, halfnormal, lognormal, beta, gamma, inversegamma, exponential, uniform, truncatednormal, "
		   "studentt, halfstudentt, halfcauchy";
}

int
prior_arguments(PriorKind kind)
{
	return form[kind].arguments;
}

const char *
prior_argument_name(PriorKind kind, int i)
{
	return form[kind].argument[i].name;
}

double
prior_argument_default(PriorKind kind, int i)
{
	return form[kind].argument[i].missing;
}

const char *
prior_argument_rule(PriorKind kind, int i)
{
	return rule_text[form[kind].argument[i].rule];
}

/* `before` are the arguments before x, as the rules of interval ends need them. */
static bool
obeys(Rule rule, double x, const double *before, int i)
{
	switch (rule)
	{
		case RULE_ANY:
		case RULE_LOWER:
			return fabs(x) <= GREATEST;
		case RULE_POSITIVE:
			return x >= SMALLEST_POSITIVE && x <= GREATEST;
		case RULE_UPPER:
			return x <= GREATEST && x - before[i - 1] >= SMALLEST_POSITIVE;
		case RULE_LOWER_CUT:
			return x == -INFINITY || (x >= -GREATEST && x < before[0] + FARTHEST_CUT * before[1]);
		case RULE_UPPER_CUT:
			if (!(x - before[2] >= SMALLEST_POSITIVE && x > before[0] - FARTHEST_CUT * before[1]))
				return false;
			return x == INFINITY || x <= GREATEST;
	}
	return false;
}

int
prior_init(Prior *prior, PriorKind kind, const double *arguments)
{
	*prior = (Prior){.kind = kind};
	for (int i = 0; i < form[kind].arguments; i++)
	{
		if (!obeys(form[kind].argument[i].rule, arguments[i], arguments, i))
			return i;
		prior->argument[i] = arguments[i];
	}
	prior->log_norm = prior_log_norm(kind, prior->argument);
	return -1;
}

void
prior_support(const Prior *prior, double *low, double *high)
{
	const double *a = prior->argument;

	*low = 0;
	*high = INFINITY;
	switch (prior->kind)
	{
		case PRIOR_NORMAL:
		case PRIOR_STUDENT_T:
			*low = -INFINITY;
			break;
		case PRIOR_BETA:
			*high = 1;
			break;
		case PRIOR_UNIFORM:
			*low = a[0];
			*high = a[1];
			break;
		case PRIOR_TRUNCATED_NORMAL:
			*low = a[2];
			*high = a[3];
			break;
		default:
			break;
	}
}
