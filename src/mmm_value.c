/*
 * The type mmm_model, flat and binary. Its flat form holds the specification, the parameters and draws in scaled
 * units, and the dataset itself; everything else is computed from these when it is asked for.
 */
#include "mmm_value.h"

#include <math.h>

#include "libpq/pqformat.h"
#include "utils/float.h"

PG_FUNCTION_INFO_V1(attrib_model_recv);
PG_FUNCTION_INFO_V1(attrib_model_send);

/*
 * Arguments as numbers; also the fixed part of the binary form. The 32-bit
 * numbers from version to draws are one run, so are the doubles.
 */
typedef struct FlatModel
{
	int32 vl_len_;
	int32 version;
	int32 method;
	int32 adstock;
	int32 saturation;
	int32 adstock_first;
	int32 max_lag;
	int32 normalized;
	int32 free_slope;
	int32 trend;
	int32 fourier_terms;
	int32 geo_coefficients;
	int32 likelihood;
	int32 interactions;
	int32 holdout;
	int32 chains;
	int32 draws;
	int64 seed;
	int64 evaluations;
	double season_length;
	double kpi_value;
	double penalty;
	double validation_nrmse;
	double kkt;
	MmmSampling sampling;
} FlatModel;

#define FIXED_DOUBLES (5 + MMM_SAMPLING_NUMBERS)

/*
 * Behind it: pairs of interacting channels (int32), the dataset, parameters, share_low, share_high, marginals
 * (where there are chains), draws.
 */

bool
mmm_season_check(double periods, Node *escontext)
{
	if (periods >= MMM_MIN_SEASON && periods <= MMM_MAX_SEASON)
		return true;
	ereturn(
		escontext, false,
		(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		 errmsg("season_length must be between %d and %d periods, not %g", MMM_MIN_SEASON, MMM_MAX_SEASON,
				periods),
		 errhint("NULL takes a year of the dataset's periods; fourier_terms => 0 leaves the season out.")));
}

bool
mmm_spec_check(const MmmSpec *spec, const MmmData *data, Node *escontext)
{
	Adstock adstock = {spec->adstock, spec->max_lag, false, {0, 0}};

	if (adstock.max_lag == ADSTOCK_ALL_HISTORY && adstock.kind != ADSTOCK_GEOMETRIC)
		ereturn(escontext, false,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("max_lag must not be NULL for %s adstock", adstock_name(adstock.kind)),
				 errhint("Only geometric adstock runs over all history.")));
	if (spec->max_lag < ADSTOCK_ALL_HISTORY || spec->max_lag > ADSTOCK_MAX_LAG)
		ereturn(escontext, false,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_lag must be between 0 and %d, not %d", ADSTOCK_MAX_LAG, spec->max_lag)));
	if (spec->fourier_terms < 0 || spec->fourier_terms > 50)
		ereturn(escontext, false,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("fourier_terms must be between 0 and 50, not %d", spec->fourier_terms)));
	if (spec->season_length != 0 && !mmm_season_check(spec->season_length, escontext))
		return false;
	if (spec->holdout < 0 || spec->holdout > data->periods)
		ereturn(escontext, false,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("holdout_periods must be between 0 and %d, the dataset's periods, not %d",
						data->periods, spec->holdout)));
	return true;
}

/* Flat form */

static Size
pairs_size(int interactions)
{
	return MAXALIGN(sizeof(int32) * 2 * (Size) interactions);
}

struct varlena *
mmm_value_flatten(const MmmValue *value)
{
	const MmmSpec *spec = &value->spec;
	const MmmFit *fit = &value->fit;
	struct varlena *dataset = mmm_dataset_flatten(value->data);
	Size parameters = sizeof(double) * value->model.parameters;
	Size shares = sizeof(double) * value->data->channels;
	Size marginals = fit->chains > 0 ? sizeof(MmmMarginal) * value->model.parameters : 0;
	uint64 size = sizeof(FlatModel) + pairs_size(spec->interactions) + parameters + 2 * shares + marginals +
				  (uint64) parameters * fit->draws + VARSIZE(dataset);
	FlatModel *flat;
	char *at;

	if (size > MaxAllocSize)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("the model would take " UINT64_FORMAT " bytes, more than 1 GB", size),
						errhint("Keep fewer draws.")));
	flat = palloc0(size);
	*flat = (FlatModel){.version = MMM_MODEL_VERSION,
						.method = value->method,
						.adstock = spec->adstock,
						.saturation = spec->saturation,
						.adstock_first = spec->adstock_first,
						.max_lag = spec->max_lag,
						.normalized = spec->normalized,
						.free_slope = spec->free_slope,
						.trend = spec->trend,
						.fourier_terms = spec->fourier_terms,
						.geo_coefficients = spec->geo_coefficients,
						.likelihood = spec->likelihood,
						.interactions = spec->interactions,
						.holdout = spec->holdout,
						.chains = fit->chains,
						.draws = fit->draws,
						.seed = value->seed,
						.evaluations = fit->evaluations,
						.season_length = spec->season_length,
						.kpi_value = value->kpi_value,
						.penalty = fit->penalty,
						.validation_nrmse = fit->validation_nrmse,
						.kkt = fit->kkt,
						.sampling = fit->sampling};
	at = (char *) flat + sizeof(FlatModel);
	memcpy(at, spec->interaction, sizeof(int32) * 2 * spec->interactions);
	at += pairs_size(spec->interactions);
	memcpy(at, dataset, VARSIZE(dataset));
	memcpy(at += VARSIZE(dataset), fit->parameters, parameters);
	memcpy(at += parameters, fit->share_low, shares);
	memcpy(at += shares, fit->share_high, shares);
	at += shares;
	if (marginals > 0)
		memcpy(at, fit->marginal, marginals);
	memcpy(at + marginals, fit->draw, parameters * fit->draws);
	SET_VARSIZE(flat, size);
	return (struct varlena *) flat;
}

/* Spec and reported figures from the fixed part. */
static void
read_fixed(const FlatModel *flat, MmmValue *value)
{
	value->method = (MmmMethod) flat->method;
	value->seed = flat->seed;
	value->kpi_value = flat->kpi_value;
	value->spec = (MmmSpec){.adstock = (AdstockKind) flat->adstock,
							.saturation = (SaturationKind) flat->saturation,
							.adstock_first = flat->adstock_first != 0,
							.max_lag = flat->max_lag,
							.normalized = flat->normalized != 0,
							.free_slope = flat->free_slope != 0,
							.trend = (MmmTrend) flat->trend,
							.fourier_terms = flat->fourier_terms,
							.geo_coefficients = flat->geo_coefficients != 0,
							.likelihood = (MmmLikelihood) flat->likelihood,
							.season_length = flat->season_length,
							.interactions = flat->interactions,
							.holdout = flat->holdout};
	value->fit.chains = flat->chains;
	value->fit.draws = flat->draws;
	value->fit.evaluations = (long) flat->evaluations;
	value->fit.penalty = flat->penalty;
	value->fit.validation_nrmse = flat->validation_nrmse;
	value->fit.kkt = flat->kkt;
	value->fit.sampling = flat->sampling;
}

pg_noreturn static void
damaged(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED), errmsg("mmm_model is of an unknown version or damaged")));
	pg_unreachable();
}

const MmmValue *
mmm_value_view(Datum datum)
{
	FlatModel *flat = (FlatModel *) PG_DETOAST_DATUM(datum);
	MmmValue *value = palloc0(sizeof(MmmValue));
	char *at = (char *) flat + sizeof(FlatModel);
	Size left = VARSIZE(flat);
	Size numbers;
	Size marginals;

	if (left < sizeof(FlatModel) || flat->version != MMM_MODEL_VERSION || flat->draws < 0 ||
		flat->interactions < 0)
		damaged();
	left -= sizeof(FlatModel);
	if (left < pairs_size(flat->interactions) + sizeof(int32))
		damaged();
	read_fixed(flat, value);
	value->spec.interaction = (const int(*)[2]) at;
	left -= pairs_size(flat->interactions);
	at += pairs_size(flat->interactions);
	if (left < VARSIZE(at))
		damaged();
	value->data = mmm_dataset_view(PointerGetDatum(at));
	left -= VARSIZE(at);
	at += VARSIZE(at);
	mmm_model_init(&value->model, value->data, &value->spec, attrib_env());
	marginals = flat->chains > 0 ? MMM_MARGINAL_NUMBERS * (Size) value->model.parameters : 0;
	numbers =
		value->model.parameters * (1 + (Size) flat->draws) + 2 * (Size) value->data->channels + marginals;
	if (left != numbers * sizeof(double))
		damaged();
	value->fit.parameters = (double *) at;
	value->fit.share_low = value->fit.parameters + value->model.parameters;
	value->fit.share_high = value->fit.share_low + value->data->channels;
	value->fit.marginal = (MmmMarginal *) (value->fit.share_high + value->data->channels);
	value->fit.draw = (double *) value->fit.marginal + marginals;
	return value;
}

const MmmValue *
mmm_value_arg(FunctionCallInfo fcinfo, int argno)
{
	return mmm_value_view(PG_GETARG_DATUM(argno));
}

bool
mmm_value_invalid(Node *escontext, const char *detail)
{
	ereturn(escontext, false,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION), errmsg("invalid input for type mmm_model"),
			 errdetail("%s", detail)));
}

static bool
check_coefficients(const MmmModel *model, const double *parameters, int channel, Node *escontext)
{
	bool negative = parameters[model->transforms + channel] < 0;

	if (model->spec.geo_coefficients)
	{
		negative = negative || parameters[model->geo_sd + channel] < 0;
		for (int g = 0; g < model->data->geos; g++)
			negative = negative || mmm_coefficient(model, parameters, g, channel) < 0;
	}
	return !negative ||
		   mmm_value_invalid(escontext,
							 psprintf("A coefficient of channel \"%s\", or its deviation, is negative.",
									  model->data->channel_name[channel]));
}

static bool
check_vector(const MmmModel *model, const double *parameters, Node *escontext)
{
	for (int i = 0; i < model->parameters; i++)
		if (!(fabs(parameters[i]) <= 1e100))
			return mmm_value_invalid(escontext, psprintf("Parameter %d is %g.", i + 1, parameters[i]));
	for (int c = 0; c < model->data->channels; c++)
	{
		const double *transforms = parameters + c * model->per_channel;
		Adstock adstock = mmm_adstock(model, transforms);

		for (int p = 0; p < model->per_channel; p++)
			if (p < adstock_parameters(adstock.kind) ? !adstock_parameter_valid(&adstock, p)
													 : !(transforms[p] > 0))
				return mmm_value_invalid(escontext,
										 psprintf("%s of channel \"%s\" is %g.", mmm_transform_name(model, p),
												  model->data->channel_name[c], transforms[p]));
		if (!check_coefficients(model, parameters, c, escontext))
			return false;
	}
	if ((model->sigma >= 0 && !(parameters[model->sigma] > 0)) ||
		(model->nu >= 0 && !(parameters[model->nu] > 0)))
		return mmm_value_invalid(escontext, "sigma or nu is not above 0.");
	return true;
}

bool
mmm_value_check_spec(const MmmValue *value, Node *escontext)
{
	const MmmSpec *spec = &value->spec;

	if (value->method < 0 || value->method > MMM_BAYES || spec->adstock < 0 ||
		spec->adstock >= ADSTOCK_KINDS || spec->saturation < 0 || spec->saturation >= SATURATION_KINDS ||
		spec->trend < 0 || spec->trend > MMM_TREND_KNOTS || spec->likelihood < 0 ||
		spec->likelihood > MMM_STUDENT_T)
		return mmm_value_invalid(escontext, "A kind is unknown.");
	if ((value->method == MMM_BAYES) != (spec->likelihood != MMM_LEAST_SQUARES) ||
		(value->method == MMM_BAYES) != (value->fit.chains > 0))
		return mmm_value_invalid(escontext, "Method, likelihood and chains do not belong together.");
	if (value->fit.chains < 0 ||
		(value->fit.chains > 0 && (value->fit.draws == 0 || value->fit.draws % value->fit.chains != 0)))
		return mmm_value_invalid(escontext, "The chains do not divide the draws.");
	if (!(value->kpi_value > 0 && value->kpi_value <= MMM_MAX_AMOUNT) || value->fit.draws < 0)
		return mmm_value_invalid(escontext, "kpi_value or the number of draws is out of range.");
	if (!mmm_spec_check(spec, value->data, escontext))
		return false;
	if (spec->geo_coefficients && !value->data->has_geo)
		return mmm_value_invalid(escontext, "Coefficients vary by geo, but the dataset has no geos.");
	for (int i = 0; i < spec->interactions; i++)
		for (int side = 0; side < 2; side++)
			if (spec->interaction[i][side] < 0 || spec->interaction[i][side] >= value->data->channels)
				return mmm_value_invalid(escontext, "An interaction names no channel.");
	return true;
}

bool
mmm_value_check_numbers(const MmmValue *value, Node *escontext)
{
	bool valid = check_vector(&value->model, value->fit.parameters, escontext);

	for (int d = 0; valid && d < value->fit.draws; d++)
		valid = check_vector(&value->model, value->fit.draw + (Size) d * value->model.parameters, escontext);
	return valid;
}

/* Binary: the fixed part's numbers in order, then the same sections as in the flat form. */

static void
write_doubles(StringInfo out, const double *number, Size count)
{
	for (Size i = 0; i < count; i++)
		pq_sendfloat8(out, number[i]);
}

Datum
attrib_model_send(PG_FUNCTION_ARGS)
{
	const FlatModel *flat = (const FlatModel *) PG_DETOAST_DATUM(PG_GETARG_DATUM(0));
	const MmmValue *value = mmm_value_view(PointerGetDatum(flat));
	const int32 *word = &flat->version;
	StringInfoData out;

	pq_begintypsend(&out);
	while (word <= &flat->draws)
		pq_sendint32(&out, *word++);
	pq_sendint64(&out, flat->seed);
	pq_sendint64(&out, flat->evaluations);
	write_doubles(&out, &flat->season_length, FIXED_DOUBLES);
	for (int i = 0; i < flat->interactions; i++)
	{
		pq_sendint32(&out, value->spec.interaction[i][0]);
		pq_sendint32(&out, value->spec.interaction[i][1]);
	}
	mmm_dataset_write(&out, value->data);
	write_doubles(&out, value->fit.parameters, value->model.parameters);
	write_doubles(&out, value->fit.share_low, value->data->channels);
	write_doubles(&out, value->fit.share_high, value->data->channels);
	if (flat->chains > 0)
		write_doubles(&out, (const double *) value->fit.marginal,
					  MMM_MARGINAL_NUMBERS * value->model.parameters);
	write_doubles(&out, value->fit.draw, (Size) value->model.parameters * value->fit.draws);
	PG_RETURN_BYTEA_P(pq_endtypsend(&out));
}

static double *
read_doubles(StringInfo in, Size count)
{
	double *number;

	if (count > (Size) (in->len - in->cursor) / sizeof(double))
		(void) mmm_value_invalid(NULL, "There are fewer numbers than the counts say.");
	number = palloc_extended(sizeof(double) * Max(count, 1), MCXT_ALLOC_HUGE);
	for (Size i = 0; i < count; i++)
	{
		number[i] = pq_getmsgfloat8(in);
		if (isnan(number[i]))
			number[i] = get_float8_nan();
	}
	return number;
}

static const int (*read_pairs(StringInfo in, int count))[2]
{
	int(*pair)[2];

	if (count < 0 || (Size) count > (Size) (in->len - in->cursor) / sizeof(int[2]))
		(void) mmm_value_invalid(NULL, "There are fewer interactions than their count says.");
	pair = palloc(sizeof(int[2]) * Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		pair[i][0] = (int) pq_getmsgint(in, 4);
		pair[i][1] = (int) pq_getmsgint(in, 4);
	}
	return (const int(*)[2]) pair;
}

Datum
attrib_model_recv(PG_FUNCTION_ARGS)
{
	StringInfo in = (StringInfo) PG_GETARG_POINTER(0);
	MmmValue value;
	FlatModel flat;

	memset(&value, 0, sizeof(value));
	memset(&flat, 0, sizeof(flat));
	for (int32 *word = &flat.version; word <= &flat.draws; word++)
		*word = (int32) pq_getmsgint(in, 4);
	if (flat.version != MMM_MODEL_VERSION)
		(void) mmm_value_invalid(
			NULL, psprintf("Version %d is not known; this is version %d.", flat.version, MMM_MODEL_VERSION));
	flat.seed = pq_getmsgint64(in);
	flat.evaluations = pq_getmsgint64(in);
	memcpy(&flat.season_length, read_doubles(in, FIXED_DOUBLES), sizeof(double) * FIXED_DOUBLES);
	read_fixed(&flat, &value);
	value.spec.interaction = read_pairs(in, flat.interactions);
	value.data = mmm_dataset_view(PointerGetDatum(mmm_dataset_read(in)));
	(void) mmm_value_check_spec(&value, NULL);
	mmm_model_init(&value.model, value.data, &value.spec, attrib_env());
	value.fit.parameters = read_doubles(in, value.model.parameters);
	value.fit.share_low = read_doubles(in, value.data->channels);
	value.fit.share_high = read_doubles(in, value.data->channels);
	if (flat.chains > 0)
		value.fit.marginal =
			(MmmMarginal *) read_doubles(in, MMM_MARGINAL_NUMBERS * (Size) value.model.parameters);
	value.fit.draw = read_doubles(in, (Size) value.model.parameters * flat.draws);
	(void) mmm_value_check_numbers(&value, NULL);
	PG_RETURN_POINTER(mmm_value_flatten(&value));
}
