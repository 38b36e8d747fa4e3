/*
 * mmm_model on the PostgreSQL side: a fitted model with the dataset it was fitted to.
 */
#ifndef ATTRIB_MMM_VALUE_H
#define ATTRIB_MMM_VALUE_H

#include "mmm_dataset.h"

#include "core/mmm_search.h"

#define MMM_MODEL_VERSION 1

/* Periods of a season: fewer cannot be told from more. */
#define MMM_MIN_SEASON 2
#define MMM_MAX_SEASON 1000000

typedef enum MmmMethod
{
	MMM_RIDGE,
	MMM_BAYES,
} MmmMethod;

/* What accessors need, and what the fit reports of itself. Arrays live in CurrentMemoryContext or in the value. */
typedef struct MmmValue
{
	MmmMethod method;
	MmmSpec spec;
	double kpi_value;
	int64 seed;
	MmmFit fit;
	const MmmData *data;
	MmmModel model; /* laid out over data and spec */
} MmmValue;

extern struct varlena *mmm_value_flatten(const MmmValue *value);
extern const MmmValue *mmm_value_view(Datum datum);
extern const MmmValue *mmm_value_arg(FunctionCallInfo fcinfo, int argno);

/* What has names in arguments and in the text form. */
typedef enum MmmNames
{
	MMM_METHOD_NAMES,
	MMM_TREND_NAMES,
	MMM_LIKELIHOOD_NAMES,
} MmmNames;

/* The name of a MmmMethod, MmmTrend or MmmLikelihood, and back: -1 if it is none. */
extern const char *mmm_name(MmmNames of, int number);
extern int mmm_number_of_name(MmmNames of, const char *name);

/* 22023 to `escontext`, and false, unless a season may have that many periods. */
extern bool mmm_season_check(double periods, Node *escontext);

/* 22023 to `escontext`, and false, unless such a model can be fitted to such data. */
extern bool mmm_spec_check(const MmmSpec *spec, const MmmData *data, Node *escontext);

/*
 * What text and bytes from outside must satisfy beyond their syntax: kinds and counts, before anything is laid out
 * by them, then the numbers. mmm_value_invalid leaves 22P02 in `escontext`, or raises it without one, and is false.
 */
extern bool mmm_value_check_spec(const MmmValue *value, Node *escontext);
extern bool mmm_value_check_numbers(const MmmValue *value, Node *escontext);
extern bool mmm_value_invalid(Node *escontext, const char *detail);

/* "tv*search" as a pair of channels; 22023 and false for what is none. */
extern bool mmm_interaction_parse(const char *name, const MmmData *data, int pair[2], Node *escontext);
extern char *mmm_component_name(const MmmModel *model, int component);

#endif
