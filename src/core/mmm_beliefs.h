/*
 * What is held before the data are seen: a prior for every parameter, in scaled units, and lift tests, which are
 * data of another kind.
 */
#ifndef ATTRIB_MMM_BELIEFS_H
#define ATTRIB_MMM_BELIEFS_H

#include "mmm_model.h"
#include "prior.h"

/*
 * An experiment: a channel's exposure was changed in the periods [from, until) of one geo or all, and the KPI
 * changed by `lift` in [from, measured). The effect within these periods counts, with the adstock between them;
 * what is carried beyond was not measured.
 */
typedef struct MmmLiftTest
{
	int channel;
	int geo; /* -1: all */
	int from;
	int until;
	int measured;
	double *change; /* [geo][until - from], in scaled exposure */
	double lift;	/* in units of the KPI */
	double standard_error;
} MmmLiftTest;

typedef struct MmmBeliefs
{
	Prior *prior; /* [parameters]; those of geos' own coefficients are not read */
	bool
		*roi; /* [channel] the coefficient's prior is one of the channel's ROI, and implies the coefficient */
	double kpi_value;
	double fixed_nu; /* NaN: it has a prior */
	int lifts;
	MmmLiftTest *lift;
	double lift_nu; /* degrees of freedom of their errors; INFINITY: Normal */
	bool prior_only;
	bool unpooled; /* coefficients that vary by geo have nothing in common but their prior */
} MmmBeliefs;

/* The documented defaults. */
extern void mmm_beliefs_default(const MmmModel *model, MmmBeliefs *beliefs, const CoreEnv *env);

/* What a channel's contributions per unit of coefficient are multiplied by to be its ROI: kpi_value / spend. */
extern double mmm_spend_of_training(const MmmModel *model, int channel);

typedef enum MmmLiftFault
{
	MMM_LIFT_FINE,
	MMM_LIFT_BELOW_ZERO, /* it takes away more than was spent */
	MMM_LIFT_NO_EXPOSURE /* nothing says what exposure a spend buys */
} MmmLiftFault;

/*
 * Fills `change` of a test whose other members are set: an increase is spread evenly over the periods, and over
 * geos by population; a decrease is taken in proportion to what was spent. Exposure costs what it cost in the
 * test's periods, or on average where nothing was spent.
 */
extern MmmLiftFault mmm_lift_change(const MmmModel *model, MmmLiftTest *test, double spend_change,
									const CoreEnv *env);

#endif
