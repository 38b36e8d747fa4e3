/*
 * Every attribution model behind one door, for the functions that take a model's name.
 */
#ifndef ATTRIB_MODELS_H
#define ATTRIB_MODELS_H

#include "arguments.h"
#include "attrib.h"
#include "core/shapley.h"
#include "jsonb_options.h"

/* In the order in which answers come. */
typedef enum AttributionModel
{
	MODEL_FIRST_TOUCH,
	MODEL_LAST_TOUCH,
	MODEL_LINEAR,
	MODEL_POSITION_BASED,
	MODEL_POSITION_DECAY,
	MODEL_TIME_DECAY,
	MODEL_SHAPLEY,
	MODEL_MARKOV,
} AttributionModel;

#define ATTRIBUTION_MODELS 8

/* The arguments of all models, as their own functions name and default them. */
typedef struct ModelOptions
{
	NameList first_ignore; /* first_touch */
	NameList last_ignore;  /* last_touch */
	double first;		   /* position_based */
	double last;
	double ratio;			/* position_decay */
	ShapleyOptions shapley; /* shapley */
	bool scale;				/* said of shapley: here the rate games are always scaled */
	int markov_order;		/* markov */
	bool collapse_repeats;
} ModelOptions;

extern const char *attribution_model_name(AttributionModel model);

/* 22023 with a HINT that lists the names, if it is none of them. */
extern AttributionModel attribution_model_by_name(const char *name);

extern ModelOptions model_options_default(void);

/* Reads {"markov": {"markov_order": 2}, ...}; unknown models and keys are 22023. */
extern ModelOptions model_options_read(Jsonb *options);

/* Reads the current entry of such an object; false if its key names no model. */
extern bool model_options_read_model(JsonbObjectIter *models, ModelOptions *options);

/* An argument `models` text[]: the models asked for, each at most once; NULL asks for all. Returns how many. */
extern int chosen_models(FunctionCallInfo fcinfo, int argno, AttributionModel *chosen);

/* 22023 unless the arguments make sense together. */
extern void model_options_check(const ModelOptions *options);

/*
 * Reads the current entry of an iteration over one model's own object into `options`; false if the model
 * has no argument of that name.
 */
extern bool model_option_read(JsonbObjectIter *it, AttributionModel model, ModelOptions *options);

/* The models' own argument names, for hints: "\"first\", \"last\"". */
extern const char *model_option_names(AttributionModel model);

/* The same for one model's. */
extern void position_based_check(double first, double last);
extern void position_decay_check(double ratio);
extern ShapleyGame shapley_game_by_name(const char *name);

/* Which channels of the view are in the list (NULL if none): names it does not know are no error. */
extern bool *ignored_channels(const SummaryView *view, NameList ignore);

/* 55000 if the summary keeps no half-life. */
extern void time_decay_check(const SummaryView *view);

/*
 * What each channel earns under a model; `out` comes from credit_table_alloc(). A Shapley rate game is scaled
 * to all conversions and value: false if it has none to scale to, v(all channels) being 0. Scratch memory
 * goes to the current context.
 */
extern bool model_credits(const SummaryView *view, AttributionModel model, const ModelOptions *options,
						  CreditTable *out);

/* The error for that false. */
extern void shapley_unscalable(void);

#endif
