/*
 * The type mmm_dataset: a flat, canonical value, and its binary form.
 */
#include "mmm_dataset.h"

#include <math.h>

#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "utils/date.h"
#include "utils/float.h"

PG_FUNCTION_INFO_V1(attrib_dataset_recv);
PG_FUNCTION_INFO_V1(attrib_dataset_send);

#define HAS_GEO 1
#define HAS_POPULATION 2
#define HAS_EXPOSURE 4

/*
 * On disk: this header; periods, padded to 8 bytes; population, kpi, spend, exposure (unless it is the spend),
 * controls; all names, each ended by a zero byte, in the order geos, channels, controls; zeros up to a multiple
 * of 8.
 */
typedef struct FlatDataset
{
	int32 vl_len_;
	uint16 version;
	uint16 flags;
	uint32 geos;
	uint32 periods;
	uint32 channels;
	uint32 controls;
	uint32 names_size;
	uint32 reserved;
} FlatDataset;

typedef struct FlatLayout
{
	uint64 population;
	uint64 kpi;
	uint64 spend;
	uint64 exposure;
	uint64 control;
	uint64 names;
	uint64 size;
} FlatLayout;

/* Each count is below 2^24, so nothing here overflows 64 bits before the size is found too large. */
#define MAX_COUNT (1 << 24)

static bool
flat_layout(const FlatDataset *flat, FlatLayout *at)
{
	uint64 rows = (uint64) flat->geos * flat->periods;

	if (flat->geos > MAX_COUNT || flat->periods > MAX_COUNT || flat->channels > MAX_COUNT ||
		flat->controls > MAX_COUNT || rows > MaxAllocSize)
		return false;
	at->population = sizeof(FlatDataset) + MAXALIGN((uint64) flat->periods * sizeof(int32));
	at->kpi = at->population + sizeof(double) * flat->geos;
	at->spend = at->kpi + sizeof(double) * rows;
	at->exposure =
		(flat->flags & HAS_EXPOSURE) ? at->spend + sizeof(double) * rows * flat->channels : at->spend;
	at->control = at->exposure + sizeof(double) * rows * flat->channels;
	at->names = at->control + sizeof(double) * rows * flat->controls;
	at->size = at->names + MAXALIGN((uint64) flat->names_size);
	return at->size <= MaxAllocSize;
}

static Size
names_size(const char *const *name, int count)
{
	Size size = 0;

	for (int i = 0; i < count; i++)
		size += strlen(name[i]) + 1;
	return size;
}

static char *
put_names(char *at, const char *const *name, int count)
{
	for (int i = 0; i < count; i++)
	{
		Size size = strlen(name[i]) + 1;

		memcpy(at, name[i], size);
		at += size;
	}
	return at;
}

struct varlena *
mmm_dataset_flatten(const MmmData *data)
{
	FlatDataset head = {0};
	FlatLayout at;
	size_t rows = mmm_rows(data);
	char *flat;
	char *names;

	head.version = MMM_DATASET_VERSION;
	head.flags = (data->has_geo ? HAS_GEO : 0) | (data->has_population ? HAS_POPULATION : 0) |
				 (data->has_exposure ? HAS_EXPOSURE : 0);
	head.geos = data->geos;
	head.periods = data->periods;
	head.channels = data->channels;
	head.controls = data->controls;
	head.names_size =
		(uint32) (names_size(data->geo_name, data->geos) + names_size(data->channel_name, data->channels) +
				  names_size(data->control_name, data->controls));
	if (!flat_layout(&head, &at))
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("the dataset is too large: %d geos, %d periods, %d channels and %d controls",
							   data->geos, data->periods, data->channels, data->controls),
						errhint("It must fit 1 GB; use longer periods or larger regions.")));
	flat = palloc0(at.size);
	memcpy(flat, &head, sizeof(head));
	memcpy(flat + sizeof(head), data->period, sizeof(int32) * data->periods);
	memcpy(flat + at.population, data->population, sizeof(double) * data->geos);
	memcpy(flat + at.kpi, data->kpi, sizeof(double) * rows);
	memcpy(flat + at.spend, data->spend, sizeof(double) * rows * data->channels);
	if (data->has_exposure)
		memcpy(flat + at.exposure, data->exposure, sizeof(double) * rows * data->channels);
	memcpy(flat + at.control, data->control, sizeof(double) * rows * data->controls);
	names = put_names(flat + at.names, data->geo_name, data->geos);
	names = put_names(names, data->channel_name, data->channels);
	(void) put_names(names, data->control_name, data->controls);
	SET_VARSIZE(flat, at.size);
	return (struct varlena *) flat;
}

/* Pointers to `count` names from *at on, which moves behind them. */
static const char *const *
get_names(const char **at, const char *end, int count)
{
	const char **name = palloc(sizeof(char *) * Max(count, 1));

	for (int i = 0; i < count; i++)
	{
		Size left = (Size) (end - *at);
		Size length = strnlen(*at, left);

		if (length == left)
			ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("mmm_dataset has damaged names")));
		name[i] = *at;
		*at += length + 1;
	}
	return name;
}

const MmmData *
mmm_dataset_view(Datum datum)
{
	const FlatDataset *flat = (const FlatDataset *) PG_DETOAST_DATUM(datum);
	const char *base = (const char *) flat;
	MmmData *data = palloc0(sizeof(MmmData));
	FlatLayout at;
	const char *names;

	if (VARSIZE(flat) < sizeof(FlatDataset) || flat->version != MMM_DATASET_VERSION ||
		!flat_layout(flat, &at) || at.size != VARSIZE(flat))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED), errmsg("mmm_dataset is of an unknown version or damaged")));
	data->geos = (int) flat->geos;
	data->periods = (int) flat->periods;
	data->channels = (int) flat->channels;
	data->controls = (int) flat->controls;
	data->has_geo = (flat->flags & HAS_GEO) != 0;
	data->has_population = (flat->flags & HAS_POPULATION) != 0;
	data->has_exposure = (flat->flags & HAS_EXPOSURE) != 0;
	data->period = (const int32 *) (base + sizeof(FlatDataset));
	data->population = (const double *) (base + at.population);
	data->kpi = (const double *) (base + at.kpi);
	data->spend = (const double *) (base + at.spend);
	data->exposure = (const double *) (base + at.exposure);
	data->control = (const double *) (base + at.control);
	names = base + at.names;
	data->geo_name = get_names(&names, base + at.size, data->geos);
	data->channel_name = get_names(&names, base + at.size, data->channels);
	data->control_name = get_names(&names, base + at.size, data->controls);
	return data;
}

const MmmData *
mmm_dataset_arg(FunctionCallInfo fcinfo, int argno)
{
	return mmm_dataset_view(PG_GETARG_DATUM(argno));
}

/* Binary: the same arrays in network order. */

static void
write_doubles(StringInfo out, const double *value, size_t count)
{
	for (size_t i = 0; i < count; i++)
		pq_sendfloat8(out, value[i]);
}

static void
write_names(StringInfo out, const char *const *name, int count)
{
	for (int i = 0; i < count; i++)
	{
		pq_sendint32(out, (int32) strlen(name[i]));
		pq_sendbytes(out, name[i], (int) strlen(name[i]));
	}
}

void
mmm_dataset_write(StringInfo out, const MmmData *data)
{
	size_t rows = mmm_rows(data);

	pq_sendint16(out, MMM_DATASET_VERSION);
	pq_sendint16(out, (data->has_geo ? HAS_GEO : 0) | (data->has_population ? HAS_POPULATION : 0) |
						  (data->has_exposure ? HAS_EXPOSURE : 0));
	pq_sendint32(out, data->geos);
	pq_sendint32(out, data->periods);
	pq_sendint32(out, data->channels);
	pq_sendint32(out, data->controls);
	for (int t = 0; t < data->periods; t++)
		pq_sendint32(out, data->period[t]);
	write_doubles(out, data->population, data->geos);
	write_doubles(out, data->kpi, rows);
	write_doubles(out, data->spend, rows * data->channels);
	if (data->has_exposure)
		write_doubles(out, data->exposure, rows * data->channels);
	write_doubles(out, data->control, rows * data->controls);
	write_names(out, data->geo_name, data->geos);
	write_names(out, data->channel_name, data->channels);
	write_names(out, data->control_name, data->controls);
}

pg_noreturn static void
bad_bytes(const char *detail)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
					errmsg("invalid binary representation of type mmm_dataset"), errdetail("%s", detail)));
	pg_unreachable();
}

/* Bytes are counted before memory is asked for. */
static double *
read_doubles(StringInfo in, size_t count)
{
	double *value;

	if (count > (size_t) (in->len - in->cursor) / sizeof(double))
		bad_bytes("There are fewer numbers than the counts say.");
	value = palloc_extended(sizeof(double) * Max(count, 1), MCXT_ALLOC_HUGE);
	for (size_t i = 0; i < count; i++)
	{
		value[i] = pq_getmsgfloat8(in);
		if (isnan(value[i]))
			value[i] = get_float8_nan();
		value[i] += 0.0;
	}
	return value;
}

static const char *const *
read_names(StringInfo in, int count)
{
	const char **name;

	if ((Size) count > (Size) (in->len - in->cursor) / sizeof(int32))
		bad_bytes("There are fewer names than the counts say.");
	name = palloc(sizeof(char *) * Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		int length = (int) pq_getmsgint(in, 4);
		char *text;

		if (length < 0 || length > in->len - in->cursor)
			bad_bytes("A name is longer than the message.");
		text = pnstrdup(pq_getmsgbytes(in, length), length);
		if ((int) strlen(text) != length || !pg_verifymbstr(text, length, true))
			bad_bytes("A name is not valid in the server's encoding.");
		if (i > 0 && strcmp(name[i - 1], text) >= 0)
			bad_bytes("Names must be sorted and distinct.");
		name[i] = text;
	}
	return name;
}

static int
read_count(StringInfo in, int min)
{
	int count = (int) pq_getmsgint(in, 4);

	if (count < min || count > MAX_COUNT)
		bad_bytes("A count is out of range.");
	return count;
}

static const int32 *
read_periods(StringInfo in, int count)
{
	int32 *period;

	if ((Size) count > (Size) (in->len - in->cursor) / sizeof(int32))
		bad_bytes("There are fewer periods than the count says.");
	period = palloc(sizeof(int32) * count);
	for (int t = 0; t < count; t++)
	{
		period[t] = (int32) pq_getmsgint(in, 4);
		if (!IS_VALID_DATE(period[t]) || (t > 0 && period[t] <= period[t - 1]))
			bad_bytes("Periods must be ascending dates.");
	}
	return period;
}

struct varlena *
mmm_dataset_read(StringInfo in)
{
	MmmData data = {0};
	int version = (int) pq_getmsgint(in, 2);
	int flags = (int) pq_getmsgint(in, 2);
	size_t rows;

	if (version != MMM_DATASET_VERSION || (flags & ~(HAS_GEO | HAS_POPULATION | HAS_EXPOSURE)))
		bad_bytes(psprintf("Version %d is not known; this is version %d.", version, MMM_DATASET_VERSION));
	data.has_geo = (flags & HAS_GEO) != 0;
	data.has_population = (flags & HAS_POPULATION) != 0;
	data.geos = read_count(in, 1);
	data.periods = read_count(in, 1);
	data.channels = read_count(in, 1);
	data.controls = read_count(in, 0);
	data.period = read_periods(in, data.periods);
	rows = mmm_rows(&data);
	data.population = read_doubles(in, data.geos);
	data.kpi = read_doubles(in, rows);
	data.spend = read_doubles(in, rows * data.channels);
	data.exposure = (flags & HAS_EXPOSURE) ? read_doubles(in, rows * data.channels) : data.spend;
	data.control = read_doubles(in, rows * data.controls);
	data.geo_name = read_names(in, data.geos);
	data.channel_name = read_names(in, data.channels);
	data.control_name = read_names(in, data.controls);
	data.has_exposure = memcmp(data.spend, data.exposure, sizeof(double) * rows * data.channels) != 0;
	for (size_t i = 0; i < rows; i++)
		if (fabs(data.kpi[i]) > MMM_MAX_AMOUNT)
			bad_bytes("A kpi is out of range.");
	if (!data.has_geo && (data.geos != 1 || data.geo_name[0][0] != '\0'))
		bad_bytes("There is a geo in a dataset without geos.");
	for (int g = 0; !data.has_population && g < data.geos; g++)
		if (data.population[g] != 1)
			bad_bytes("There is a population in a dataset without populations.");
	(void) mmm_dataset_check(&data, NULL);
	return mmm_dataset_flatten(&data);
}

Datum
attrib_dataset_recv(PG_FUNCTION_ARGS)
{
	StringInfo in = (StringInfo) PG_GETARG_POINTER(0);

	PG_RETURN_POINTER(mmm_dataset_read(in));
}

Datum
attrib_dataset_send(PG_FUNCTION_ARGS)
{
	StringInfoData out;

	pq_begintypsend(&out);
	mmm_dataset_write(&out, mmm_dataset_arg(fcinfo, 0));
	PG_RETURN_BYTEA_P(pq_endtypsend(&out));
}
