/*
 * The journey_summary type: decoding, binary input and output, comparison, and its accessors that need no
 * model.
 */
#include "summary.h"

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "core/summary_flat.h"
#include "event_input.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "summary_state.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

PG_FUNCTION_INFO_V1(attrib_summary_recv);
PG_FUNCTION_INFO_V1(attrib_summary_send);
PG_FUNCTION_INFO_V1(attrib_summary_cmp);
PG_FUNCTION_INFO_V1(attrib_summary_eq);
PG_FUNCTION_INFO_V1(attrib_summary_ne);
PG_FUNCTION_INFO_V1(attrib_summary_lt);
PG_FUNCTION_INFO_V1(attrib_summary_le);
PG_FUNCTION_INFO_V1(attrib_summary_gt);
PG_FUNCTION_INFO_V1(attrib_summary_ge);
PG_FUNCTION_INFO_V1(attrib_summary_hash);
PG_FUNCTION_INFO_V1(attrib_summary_hash_extended);

/* ---------------------------------------------------------------- decoding */

const SummaryView *
summary_view_datum(Datum datum, SummaryMeta *meta)
{
	struct varlena *flat = PG_DETOAST_DATUM(datum);
	SummaryView *view = palloc(sizeof(SummaryView));
	CoreStatus status = summary_flat_decode((const uint8_t *) VARDATA(flat), VARSIZE(flat) - VARHDRSZ, NULL,
											NULL, attrib_env(), view, meta);

	/* stored values were validated when they were made, so this is a damaged table or a foreign hand */
	if (status != CORE_OK)
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("journey_summary has invalid bytes")));
	if ((Pointer) flat != DatumGetPointer(datum))
		pfree(flat);
	return view;
}

int64
summary_datum_size(Datum datum)
{
	return (int64) toast_raw_datum_size(datum);
}

const SummaryView *
summary_view_arg(FunctionCallInfo fcinfo, int argno)
{
	SummaryMeta meta;

	return summary_view_datum(PG_GETARG_DATUM(argno), &meta);
}

const SummaryView *
summary_view_state(FunctionCallInfo fcinfo)
{
	return PG_ARGISNULL(0) ? NULL : summary_view_arg(fcinfo, 0);
}

/* ---------------------------------------------------------------- binary input and output */

static bool
valid_text(const char *text, size_t length)
{
	return length <= MaxAllocSize && pg_verifymbstr(text, (int) length, true);
}

static bool
valid_channel(const char *text, size_t length)
{
	return valid_text(text, length) && length <= CHANNEL_NAME_MAX && !channel_is_reserved(text, length);
}

Datum
attrib_summary_recv(PG_FUNCTION_ARGS)
{
	StringInfo message = (StringInfo) PG_GETARG_POINTER(0);
	int nbytes = message->len - message->cursor;
	const uint8_t *bytes = (const uint8_t *) pq_getmsgbytes(message, nbytes);
	SummaryView view;
	SummaryMeta meta;
	struct varlena *flat;

	if (summary_flat_decode(bytes, (size_t) nbytes, valid_text, valid_channel, attrib_env(), &view, &meta) !=
			CORE_OK ||
		!summary_options_valid(&meta))
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
						errmsg("invalid binary representation of a journey_summary")));
	if (summary_text_bound(&view, &meta) > SUMMARY_MAX_TEXT)
		summary_too_large();
	flat = palloc(VARHDRSZ + nbytes);
	SET_VARSIZE(flat, VARHDRSZ + nbytes);
	memcpy(VARDATA(flat), bytes, nbytes);
	PG_RETURN_POINTER(flat);
}

Datum
attrib_summary_send(PG_FUNCTION_ARGS)
{
	struct varlena *flat = PG_GETARG_VARLENA_P(0);
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendbytes(&message, VARDATA(flat), VARSIZE(flat) - VARHDRSZ);
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

/* ---------------------------------------------------------------- comparison: equal content is equal bytes */

static int
compare_arguments(FunctionCallInfo fcinfo)
{
	struct varlena *a = PG_GETARG_VARLENA_P(0);
	struct varlena *b = PG_GETARG_VARLENA_P(1);
	Size a_size = VARSIZE(a) - VARHDRSZ;
	Size b_size = VARSIZE(b) - VARHDRSZ;
	int order = memcmp(VARDATA(a), VARDATA(b), Min(a_size, b_size));

	if (order == 0)
		order = a_size < b_size ? -1 : a_size > b_size;
	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return order;
}

Datum
attrib_summary_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare_arguments(fcinfo));
}

Datum
attrib_summary_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) == 0);
}

Datum
attrib_summary_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) != 0);
}

Datum
attrib_summary_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) < 0);
}

Datum
attrib_summary_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) <= 0);
}

Datum
attrib_summary_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) > 0);
}

Datum
attrib_summary_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) >= 0);
}

Datum
attrib_summary_hash(PG_FUNCTION_ARGS)
{
	struct varlena *flat = PG_GETARG_VARLENA_P(0);
	Datum result = hash_any((unsigned char *) VARDATA(flat), (int) (VARSIZE(flat) - VARHDRSZ));

	PG_FREE_IF_COPY(flat, 0);
	return result;
}

Datum
attrib_summary_hash_extended(PG_FUNCTION_ARGS)
{
	struct varlena *flat = PG_GETARG_VARLENA_P(0);
	Datum result = hash_any_extended((unsigned char *) VARDATA(flat), (int) (VARSIZE(flat) - VARHDRSZ),
									 PG_GETARG_INT64(1));

	PG_FREE_IF_COPY(flat, 0);
	return result;
}
