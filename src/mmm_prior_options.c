/*
 * The priors argument of mmm_fit: {"tv": {"decay": {"dist": "beta", "alpha": 1, "beta": 3}}, "sigma": {...}}.
 */
#include "mmm_prior_options.h"

#include <float.h>
#include <math.h>

#include "jsonb_options.h"
#include "mmm_dataset.h"

/* What a prior is of, and where its values must lie. */
typedef struct PriorTarget
{
	char *what; /* for messages */
	int place;
	double low;
	double high;
	bool roi;
} PriorTarget;

/* The object's "dist". */
static PriorKind
distribution(JsonbValue *object, const char *what)
{
	JsonbObjectIter it;
	PriorKind kind;

	jsonb_object_begin_value(&it, object, what);
	while (jsonb_object_next(&it))
	{
		char *name;

		if (strcmp(it.key, "dist") != 0)
			continue;
		name = jsonb_option_text(&it);
		if (!prior_by_name(name, &kind))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("%s: unrecognized distribution \"%s\"", what, name),
							errhint("Known are %s.", prior_names())));
		return kind;
	}
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s: \"dist\" is missing", what),
					errhint("Write {\"dist\": \"halfnormal\", \"sigma\": 1}; known are %s.", prior_names())));
	pg_unreachable();
}

static char *
argument_names_of(PriorKind kind)
{
	char *names = "dist";

	for (int i = 0; i < prior_arguments(kind); i++)
		names = psprintf("%s%s%s", names, i + 1 < prior_arguments(kind) ? ", " : " and ",
						 prior_argument_name(kind, i));
	return names;
}

static Prior
read_prior(JsonbValue *object, const char *what)
{
	PriorKind kind = distribution(object, what);
	double argument[PRIOR_MAX_ARGUMENTS];
	JsonbObjectIter it;
	Prior prior;
	int bad;

	for (int i = 0; i < prior_arguments(kind); i++)
		argument[i] = prior_argument_default(kind, i);
	jsonb_object_begin_value(&it, object, what);
	while (jsonb_object_next(&it))
	{
		int i = 0;

		if (strcmp(it.key, "dist") == 0)
			continue;
		while (i < prior_arguments(kind) && strcmp(it.key, prior_argument_name(kind, i)) != 0)
			i++;
		if (i == prior_arguments(kind))
			jsonb_option_unknown(&it, argument_names_of(kind));
		argument[i] = jsonb_option_float8(&it, -DBL_MAX, DBL_MAX);
	}
	for (int i = 0; i < prior_arguments(kind); i++)
		if (isnan(argument[i]))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("%s: \"%s\" of %s is missing", what, prior_argument_name(kind, i),
								   prior_name(kind)),
							errhint("Its keys are %s.", argument_names_of(kind))));
	bad = prior_init(&prior, kind, argument);
	if (bad >= 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("%s: \"%s\" of %s must be %s, not %g", what, prior_argument_name(kind, bad),
							   prior_name(kind), prior_argument_rule(kind, bad), argument[bad])));
	return prior;
}

static void
set_prior(MmmBeliefs *beliefs, const PriorTarget *target, JsonbValue *object)
{
	Prior prior = read_prior(object, target->what);
	double low, high;

	prior_support(&prior, &low, &high);
	if (low < target->low || high > target->high)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("%s: %s reaches from %g to %g, but the parameter only from %g to %g",
							   target->what, prior_name(prior.kind), low, high, target->low, target->high),
						isinf(target->high) && !isinf(target->low)
							? errhint("halfnormal, lognormal, gamma or truncatednormal stay above 0.")
							: errhint("beta, uniform or truncatednormal keep to bounds.")));
	beliefs->prior[target->place] = prior;
}

/* Transform parameter, coefficient or roi of a channel. */
static PriorTarget
channel_target(JsonbObjectIter *it, const MmmModel *model, int channel, bool varies)
{
	PriorTarget target = {.what = psprintf("%s: \"%s\"", it->what, it->key), .high = INFINITY};
	StringInfoData known;

	for (int p = 0; p < model->per_channel; p++)
	{
		Adstock adstock = {model->spec.adstock, model->spec.max_lag, model->spec.normalized, {0, 0}};

		if (strcmp(it->key, mmm_transform_name(model, p)) != 0)
			continue;
		target.place = channel * model->per_channel + p;
		if (p < adstock_parameters(adstock.kind))
		{
			AdstockBounds bounds = adstock_bounds(&adstock, p);

			target.low = bounds.min;
			/* nobody's prior should know of a bound that only keeps numbers in range */
			target.high = bounds.max < 1e6 ? bounds.max : INFINITY;
		}
		return target;
	}
	if (varies && strcmp(it->key, "geo_sd") == 0)
	{
		target.place = model->geo_sd + channel;
		return target;
	}
	target.place = model->transforms + channel;
	target.roi = strcmp(it->key, "roi") == 0;
	if (target.roi || strcmp(it->key, "coefficient") == 0)
		return target;
	initStringInfo(&known);
	for (int p = 0; p < model->per_channel; p++)
		appendStringInfo(&known, "%s, ", mmm_transform_name(model, p));
	appendStringInfoString(&known, varies ? "coefficient, geo_sd and roi" : "coefficient and roi");
	jsonb_option_unknown(it, known.data);
	pg_unreachable();
}

/* What all geos return is not the sampler's to keep below a bound: it follows from what each of them does. */
static void
check_total_roi(const Prior *prior, const char *channel)
{
	double low, high;

	prior_support(prior, &low, &high);
	if (low != 0 || !isinf(high))
		ereport(
			ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("priors of \"%s\": roi of partially pooled geos takes no prior with bounds but 0",
					channel),
			 errhint("Write a lognormal, gamma or halfnormal one, or extra's \"pooling\": \"complete\".")));
}

static void
channel_priors(JsonbObjectIter *outer, const MmmModel *model, int channel, MmmBeliefs *beliefs)
{
	JsonbObjectIter it;
	bool coefficient = false;
	bool roi = false;

	jsonb_object_begin_value(&it, &outer->value, psprintf("priors of \"%s\"", outer->key));
	while (jsonb_object_next(&it))
	{
		PriorTarget target = channel_target(&it, model, channel, model->by_geo >= 0 && !beliefs->unpooled);

		coefficient = coefficient || strcmp(it.key, "coefficient") == 0;
		roi = roi || target.roi;
		if (coefficient && roi)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("%s: coefficient and roi cannot both have a prior", it.what),
							errhint("The one implies the other.")));
		set_prior(beliefs, &target, &it.value);
	}
	if (roi && beliefs->unpooled)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("priors of \"%s\": roi needs a coefficient that geos have in common", outer->key),
				 errhint("Leave out extra's \"pooling\": \"none\", or give a prior of the coefficient.")));
	if (roi && model->by_geo >= 0)
		check_total_roi(&beliefs->prior[model->transforms + channel], outer->key);
	beliefs->roi[channel] = roi;
}

/* {"dist": ...} or {"coefficient": {"dist": ...}}, for `count` places. */
static void
term_prior(JsonbObjectIter *outer, int place, int count, double low, MmmBeliefs *beliefs)
{
	PriorTarget target = {.what = psprintf("priors: \"%s\"", outer->key), .low = low, .high = INFINITY};
	JsonbValue *object = &outer->value;
	JsonbObjectIter it;

	jsonb_object_begin_value(&it, object, target.what);
	if (jsonb_object_next(&it) && strcmp(it.key, "coefficient") == 0)
		object = &it.value;
	for (target.place = place; target.place < place + count; target.place++)
		set_prior(beliefs, &target, object);
}

static int
name_index(const char *name, const char *const *names, int count)
{
	int i = 0;

	while (i < count && strcmp(name, names[i]) != 0)
		i++;
	return i;
}

static int
interaction_index(const char *name, const MmmModel *model)
{
	const MmmData *data = model->data;
	int i = 0;

	for (; i < model->spec.interactions; i++)
	{
		const int *pair = model->spec.interaction[i];

		if (strcmp(name, psprintf("%s*%s", data->channel_name[pair[0]], data->channel_name[pair[1]])) == 0)
			break;
	}
	return i;
}

static void
one_term(JsonbObjectIter *it, const MmmModel *model, MmmBeliefs *beliefs)
{
	const MmmData *data = model->data;
	int base = model->transforms + model->media;
	int trend = base + data->geos;
	int season = trend + model->trend_columns;
	int controls = season + 2 * model->spec.fourier_terms;
	int channel = name_index(it->key, data->channel_name, data->channels);
	int control = name_index(it->key, data->control_name, data->controls);
	int interaction = interaction_index(it->key, model);

	if (channel < data->channels)
		channel_priors(it, model, channel, beliefs);
	else if (control < data->controls)
		term_prior(it, controls + control, 1, -INFINITY, beliefs);
	else if (interaction < model->spec.interactions)
		term_prior(it, model->transforms + data->channels + interaction, 1, -INFINITY, beliefs);
	else if (strcmp(it->key, "intercept") == 0)
		term_prior(it, base, data->geos, -INFINITY, beliefs);
	else if (strcmp(it->key, "trend") == 0 && model->trend_columns > 0)
		term_prior(it, trend, model->trend_columns, -INFINITY, beliefs);
	else if (strcmp(it->key, "seasonality") == 0 && model->spec.fourier_terms > 0)
		term_prior(it, season, 2 * model->spec.fourier_terms, -INFINITY, beliefs);
	else if (strcmp(it->key, "sigma") == 0)
		term_prior(it, model->sigma, 1, 0, beliefs);
	else if (strcmp(it->key, "nu") == 0 && model->nu >= 0)
		term_prior(it, model->nu, 1, 0, beliefs);
	else
		jsonb_option_unknown(it, psprintf("the dataset's channels and controls, the model's interactions, "
										  "intercept%s%s, sigma%s",
										  model->trend_columns > 0 ? ", trend" : "",
										  model->spec.fourier_terms > 0 ? ", seasonality" : "",
										  model->nu >= 0 ? ", nu" : ""));
}

void
mmm_priors_read(Jsonb *priors, const MmmModel *model, MmmBeliefs *beliefs)
{
	JsonbObjectIter it;

	jsonb_object_begin(&it, priors, "priors");
	while (jsonb_object_next(&it))
		one_term(&it, model, beliefs);
}
