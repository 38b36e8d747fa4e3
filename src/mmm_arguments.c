#include "mmm_arguments.h"

#include <math.h>

#include "arguments.h"
#include "jsonb_options.h"
#include "mmm_prior_options.h"

#include "utils/builtins.h"

/* Places of mmm_fit's arguments. */
enum
{
	ARG_DATASET,
	ARG_METHOD,
	ARG_ADSTOCK,
	ARG_SATURATION,
	ARG_ADSTOCK_FIRST,
	ARG_MAX_LAG,
	ARG_NORMALIZED,
	ARG_FREE_SLOPE,
	ARG_TREND,
	ARG_FOURIER_TERMS,
	ARG_SEASON_LENGTH,
	ARG_INTERACTIONS,
	ARG_PRIORS,
	ARG_LIFT_TESTS,
	ARG_HOLDOUT,
	ARG_KPI_VALUE,
	ARG_CHAINS,
	ARG_WARMUP,
	ARG_DRAWS,
	ARG_SEED,
	ARG_EXTRA,
};

/* Enough to fit a line and a channel, and to have something left over. */
#define MIN_OBSERVATIONS 8

pg_noreturn static void
unrecognized(const char *argument, const char *given, const char *known)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("unrecognized %s \"%s\"", argument, given), errhint("Known are %s.", known)));
	pg_unreachable();
}

static MmmMethod
method_argument(FunctionCallInfo fcinfo)
{
	char *name = argument_text(fcinfo, ARG_METHOD, "method");
	int method = mmm_number_of_name(MMM_METHOD_NAMES, name);

	if (method < 0)
		unrecognized("method", name, "ridge and bayes");
	return (MmmMethod) method;
}

static int
max_lag_argument(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(ARG_MAX_LAG))
		return ADSTOCK_ALL_HISTORY;
	return argument_int32(fcinfo, ARG_MAX_LAG, "max_lag", 0, ADSTOCK_MAX_LAG);
}

/* 0 where none is given and the dataset's periods are too long to show a year's course. */
static double
season_argument(FunctionCallInfo fcinfo, const CalendarStep *step)
{
	double year = calendar_year(step);

	if (PG_ARGISNULL(ARG_SEASON_LENGTH))
		return year >= MMM_MIN_SEASON ? year : 0;
	(void) mmm_season_check(PG_GETARG_FLOAT8(ARG_SEASON_LENGTH), NULL);
	return PG_GETARG_FLOAT8(ARG_SEASON_LENGTH);
}

static void
spec_arguments(FunctionCallInfo fcinfo, const MmmData *data, MmmSpec *spec)
{
	char *adstock = argument_text(fcinfo, ARG_ADSTOCK, "adstock");
	char *saturation = argument_text(fcinfo, ARG_SATURATION, "saturation");
	char *trend_name = argument_text(fcinfo, ARG_TREND, "trend");
	int trend = mmm_number_of_name(MMM_TREND_NAMES, trend_name);
	NameList names = argument_names(fcinfo, ARG_INTERACTIONS, "interactions");
	CalendarStep step = mmm_dataset_step(data);
	int(*pair)[2];

	if (!adstock_by_name(adstock, &spec->adstock))
		unrecognized("adstock", adstock, adstock_names());
	if (!saturation_by_name(saturation, &spec->saturation))
		unrecognized("saturation", saturation, saturation_names());
	if (trend < 0)
		unrecognized("trend", trend_name, "none, linear and knots");
	spec->trend = (MmmTrend) trend;
	spec->adstock_first = argument_bool(fcinfo, ARG_ADSTOCK_FIRST, "adstock_first");
	spec->max_lag = max_lag_argument(fcinfo);
	spec->normalized = argument_bool(fcinfo, ARG_NORMALIZED, "normalized");
	spec->free_slope = argument_bool(fcinfo, ARG_FREE_SLOPE, "free_slope");
	spec->fourier_terms = argument_int32(fcinfo, ARG_FOURIER_TERMS, "fourier_terms", 0, 50);
	spec->season_length = season_argument(fcinfo, &step);
	spec->holdout = argument_int32(fcinfo, ARG_HOLDOUT, "holdout_periods", 0, data->periods);
	spec->interactions = names.count;
	pair = palloc(sizeof(int[2]) * Max(names.count, 1));
	for (int i = 0; i < names.count; i++)
	{
		(void) mmm_interaction_parse(names.names[i], data, pair[i], NULL);
		for (int j = 0; j < i; j++)
			if ((pair[i][0] == pair[j][0] && pair[i][1] == pair[j][1]) ||
				(pair[i][0] == pair[j][1] && pair[i][1] == pair[j][0]))
				ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
								errmsg("interactions: \"%s\" occurs twice", names.names[i])));
	}
	spec->interaction = (const int(*)[2]) pair;
	(void) mmm_spec_check(spec, data, NULL);
}

/* Data that no such model can learn from. */
static void
check_training(const MmmModel *model)
{
	const MmmData *data = model->data;
	int observed = 0;

	for (int g = 0; g < data->geos; g++)
		for (int t = 0; t < model->train; t++)
			observed += !isnan(data->kpi[(Size) g * data->periods + t]);
	if (observed < MIN_OBSERVATIONS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("a fit needs at least %d observations of the kpi, not %d", MIN_OBSERVATIONS,
							   observed),
						errhint("Rows without a kpi and holdout_periods do not count.")));
	if (!(mmm_kpi_range(model) > 0))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the kpi never varies over the %d periods to fit", model->train),
						errhint("There is nothing that media could explain.")));
}

/* {"dist": "uniform", "lower": .., "upper": ..}: where the search may look. */
static void
prior_bounds(JsonbObjectIter *outer, const MmmModel *model, int channel, MmmBox *box)
{
	char *what = psprintf("%s: \"%s\"", outer->what, outer->key);
	double low = NAN;
	double high = NAN;
	double least, most;
	JsonbObjectIter it;
	int p = 0;
	Size at;

	while (p < model->per_channel && strcmp(outer->key, mmm_transform_name(model, p)) != 0)
		p++;
	if (p == model->per_channel && strcmp(outer->key, "coefficient") != 0 && strcmp(outer->key, "roi") != 0)
		jsonb_option_unknown(outer, "the model's transform parameters, coefficient and roi");
	jsonb_object_begin_value(&it, &outer->value, what);
	while (jsonb_object_next(&it))
	{
		if (strcmp(it.key, "lower") == 0)
			low = jsonb_option_float8(&it, 0, MMM_MAX_AMOUNT);
		else if (strcmp(it.key, "upper") == 0)
			high = jsonb_option_float8(&it, 0, MMM_MAX_AMOUNT);
		else if (strcmp(it.key, "dist") != 0 || strcmp(jsonb_option_text(&it), "uniform") != 0)
			ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
							errmsg("%s: method 'ridge' takes no prior but {\"dist\": \"uniform\"}", what),
							errhint("A uniform prior bounds the search; others need method => 'bayes'.")));
	}
	if (p == model->per_channel)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("%s: method 'ridge' takes no prior of a coefficient", what),
						errhint("Bound the transform parameters, or use method => 'bayes'.")));
	at = (Size) channel * model->per_channel + p;
	mmm_transform_bounds(model, p, &least, &most);
	if (p == model->half_at)
	{
		least = exp(-20);
		most = exp(20);
	}
	if (mmm_transform_is_log(model, p))
	{
		low = log(low);
		high = log(high);
	}
	box->low[at] = isnan(low) ? box->low[at] : Max(low, p == model->half_at ? -20 : box->low[at]);
	box->high[at] = isnan(high) ? box->high[at] : Min(high, p == model->half_at ? 20 : box->high[at]);
	if (low > high)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s: lower exceeds upper", what)));
	if (!(box->low[at] <= box->high[at]))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("%s: no value the search may take lies within these bounds", what),
						errhint("It may take values from %g to %g.", least, most)));
}

static void
priors_argument(FunctionCallInfo fcinfo, const MmmModel *model, MmmBox *box)
{
	JsonbObjectIter it;

	jsonb_object_begin(&it, PG_GETARG_JSONB_P(ARG_PRIORS), "priors");
	while (jsonb_object_next(&it))
	{
		JsonbObjectIter inner;
		int c = 0;

		while (c < model->data->channels && strcmp(it.key, model->data->channel_name[c]) != 0)
			c++;
		if (c == model->data->channels)
			jsonb_option_unknown(&it, "the channels of the dataset");
		jsonb_object_begin_value(&inner, &it.value, psprintf("priors of \"%s\"", it.key));
		while (jsonb_object_next(&inner))
			prior_bounds(&inner, model, c, box);
	}
}

static void
lift_tests_argument(FunctionCallInfo fcinfo, MmmRequest *request)
{
	Jsonb *tests;

	argument_not_null(fcinfo, ARG_LIFT_TESTS, "lift_tests");
	tests = PG_GETARG_JSONB_P(ARG_LIFT_TESTS);
	if (!JB_ROOT_IS_ARRAY(tests) || JB_ROOT_IS_SCALAR(tests))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("lift_tests must be a JSON array"),
						errhint("Write it as [{\"channel\": \"tv\", ...}], one object an experiment.")));
	if (JB_ROOT_COUNT(tests) == 0)
		return;
	if (request->value.method == MMM_RIDGE)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("method 'ridge' takes no lift tests"),
						errhint("They need method => 'bayes'.")));
	mmm_lift_tests_read(tests, &request->value.model, &request->beliefs);
}

static void
ridge_extra(JsonbObjectIter *it, MmmFitOptions *options)
{
	if (strcmp(it->key, "candidates") == 0)
		options->candidates = (int) jsonb_option_int64(it, 1, 10000000);
	else if (strcmp(it->key, "replicates") == 0)
		options->replicates = (int) jsonb_option_int64(it, 0, 100000);
	else if (strcmp(it->key, "folds") == 0)
		options->folds = (int) jsonb_option_int64(it, 0, 6);
	else if (strcmp(it->key, "penalty") == 0)
		options->penalty = jsonb_option_float8(it, 1e-12, 1e6);
	else
		jsonb_option_unknown(it, "candidates, replicates, folds and penalty");
}

/* "normal" or "student_t" */
static bool
is_student_t(JsonbObjectIter *it)
{
	char *name = jsonb_option_text(it);

	if (strcmp(name, "student_t") != 0 && strcmp(name, "normal") != 0)
		unrecognized(it->key, name, "normal and student_t");
	return strcmp(name, "student_t") == 0;
}

/* Degrees of freedom of a robust lift test's error: few enough that one wrong test does not rule. */
#define LIFT_NU 4

/* How much geos have in common: "complete", all; "partial", a common coefficient that theirs vary about; "none". */
static void
pooling_option(JsonbObjectIter *it, MmmRequest *request)
{
	char *name = jsonb_option_text(it);

	if (strcmp(name, "complete") != 0 && strcmp(name, "partial") != 0 && strcmp(name, "none") != 0)
		unrecognized(it->key, name, "complete, partial and none");
	if (strcmp(name, "complete") != 0 && !request->value.data->has_geo)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("extra: \"pooling\" \"%s\" needs a dataset with geos", name)));
	request->value.spec.geo_coefficients = strcmp(name, "complete") != 0;
	request->beliefs.unpooled = strcmp(name, "none") == 0;
}

static void
bayes_extra(JsonbObjectIter *it, MmmRequest *request)
{
	if (strcmp(it->key, "likelihood") == 0)
		request->value.spec.likelihood = is_student_t(it) ? MMM_STUDENT_T : MMM_NORMAL;
	else if (strcmp(it->key, "nu") == 0)
		request->beliefs.fixed_nu = jsonb_option_float8(it, 0.1, 1000);
	else if (strcmp(it->key, "lift_likelihood") == 0)
		request->beliefs.lift_nu = is_student_t(it) ? LIFT_NU : INFINITY;
	else if (strcmp(it->key, "pooling") == 0)
		pooling_option(it, request);
	else if (strcmp(it->key, "prior_only") == 0)
		request->beliefs.prior_only = jsonb_option_bool(it);
	else if (strcmp(it->key, "target_accept") == 0)
		request->bayes.target_accept = jsonb_option_float8(it, 0.5, 0.999);
	else if (strcmp(it->key, "max_depth") == 0)
		request->bayes.max_depth = (int) jsonb_option_int64(it, 1, NUTS_MAX_DEPTH);
	else if (strcmp(it->key, "workers") == 0)
		request->workers = (int) jsonb_option_int64(it, 0, 1024);
	else
		jsonb_option_unknown(it,
							 "likelihood, nu, lift_likelihood, pooling, prior_only, target_accept, max_depth "
							 "and workers");
}

static void
extra_argument(FunctionCallInfo fcinfo, MmmRequest *request)
{
	JsonbObjectIter it;

	argument_not_null(fcinfo, ARG_EXTRA, "extra");
	jsonb_object_begin(&it, PG_GETARG_JSONB_P(ARG_EXTRA), "extra");
	while (jsonb_object_next(&it))
		if (request->value.method == MMM_RIDGE)
			ridge_extra(&it, &request->ridge);
		else
			bayes_extra(&it, request);
	if (!isnan(request->beliefs.fixed_nu) && request->value.spec.likelihood != MMM_STUDENT_T)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("extra: \"nu\" needs \"likelihood\": \"student_t\"")));
}

static void
chain_arguments(FunctionCallInfo fcinfo, MmmRequest *request)
{
	MmmBayesOptions *bayes = &request->bayes;

	bayes->chains = argument_int32(fcinfo, ARG_CHAINS, "chains", 1, 1000);
	bayes->warmup = argument_int32(fcinfo, ARG_WARMUP, "warmup", 0, NUTS_MAX_ITERATIONS);
	bayes->draws = argument_int32(fcinfo, ARG_DRAWS, "draws", 1, NUTS_MAX_ITERATIONS);
	bayes->seed = (uint64) request->value.seed;
}

/* Before the extra argument is read, which may override them, and after the model is laid out by it. */
static void
default_beliefs(MmmRequest *request)
{
	MmmBeliefs said = request->beliefs;

	mmm_beliefs_default(&request->value.model, &request->beliefs, attrib_env());
	request->beliefs.kpi_value = request->value.kpi_value;
	request->beliefs.fixed_nu = said.fixed_nu;
	request->beliefs.lift_nu = said.lift_nu;
	request->beliefs.prior_only = said.prior_only;
	request->beliefs.unpooled = said.unpooled;
}

static double
kpi_value_argument(FunctionCallInfo fcinfo)
{
	double kpi_value = argument_float8(fcinfo, ARG_KPI_VALUE, "kpi_value");

	if (!(kpi_value > 0 && kpi_value <= MMM_MAX_AMOUNT))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("kpi_value must be > 0 and <= %g, not %g", MMM_MAX_AMOUNT, kpi_value),
						errhint("It is what one unit of the kpi is worth, 1 where the kpi is revenue.")));
	return kpi_value;
}

void
mmm_fit_arguments(FunctionCallInfo fcinfo, MmmRequest *request)
{
	MmmValue *value = &request->value;

	memset(value, 0, sizeof(*value));
	request->beliefs = (MmmBeliefs){.fixed_nu = NAN, .lift_nu = INFINITY};
	request->bayes = (MmmBayesOptions){.target_accept = 0.9, .max_depth = 10};
	request->workers = -1;
	value->data = mmm_dataset_arg(fcinfo, ARG_DATASET);
	value->method = method_argument(fcinfo);
	if (request->candidates)
		value->method = MMM_RIDGE;
	spec_arguments(fcinfo, value->data, &value->spec);
	value->kpi_value = kpi_value_argument(fcinfo);
	argument_not_null(fcinfo, ARG_SEED, "seed");
	value->seed = PG_GETARG_INT64(ARG_SEED);
	chain_arguments(fcinfo, request);
	value->spec.likelihood = value->method == MMM_BAYES ? MMM_NORMAL : MMM_LEAST_SQUARES;
	value->spec.geo_coefficients = value->method == MMM_BAYES && value->data->geos > 1;
	extra_argument(fcinfo, request);
	mmm_model_init(&value->model, value->data, &value->spec, attrib_env());
	check_training(&value->model);
	argument_not_null(fcinfo, ARG_PRIORS, "priors");
	if (value->method == MMM_RIDGE)
	{
		request->ridge.seed = (uint64) value->seed;
		request->ridge.box = mmm_box(&value->model, attrib_env());
		priors_argument(fcinfo, &value->model, &request->ridge.box);
	}
	else
	{
		if (value->spec.adstock == ADSTOCK_DELAYED && value->spec.max_lag == 0)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("delayed adstock needs a max_lag above 0"),
							errhint("Without lags there is no peak to find; adstock => 'none'.")));
		default_beliefs(request);
		mmm_priors_read(PG_GETARG_JSONB_P(ARG_PRIORS), &value->model, &request->beliefs);
	}
	lift_tests_argument(fcinfo, request);
}
