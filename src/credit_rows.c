/*
 * From credit to rows.
 */
#include "attrib.h"

#include <string.h>

#include "access/htup_details.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"

RowSink
row_sink_begin(FunctionCallInfo fcinfo)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	return (RowSink){.store = result->setResult, .desc = result->setDesc};
}

RowSink
row_sink_begin_array(FunctionCallInfo fcinfo)
{
	RowSink sink = {.type = get_element_type(get_func_rettype(fcinfo->flinfo->fn_oid)), .capacity = 16};

	sink.desc = lookup_rowtype_tupdesc_copy(sink.type, -1);
	sink.rows = palloc(sink.capacity * sizeof(Datum));
	return sink;
}

void
row_sink_put(RowSink *sink, Datum *values, bool *nulls)
{
	if (sink->store)
	{
		tuplestore_putvalues(sink->store, sink->desc, values, nulls);
		return;
	}
	if (sink->size == sink->capacity)
	{
		sink->capacity *= 2;
		sink->rows = repalloc_huge(sink->rows, sink->capacity * sizeof(Datum));
	}
	sink->rows[sink->size++] = HeapTupleGetDatum(heap_form_tuple(sink->desc, values, nulls));
}

Datum
row_sink_array(RowSink *sink)
{
	return PointerGetDatum(construct_array(sink->rows, sink->size, sink->type, -1, false, TYPALIGN_DOUBLE));
}

void
credit_rows(const SummaryView *view, const CreditTable *table, CreditRowFn emit, void *arg)
{
	bool pending = table->unattributed.conversions != 0 || table->unattributed.value != 0;

	for (uint32 c = 0; c < view->nchannels; c++)
	{
		if (pending && strcmp(UNATTRIBUTED_NAME, view->channels[c]) < 0)
		{
			emit(arg, -1, UNATTRIBUTED_NAME, table->unattributed);
			pending = false;
		}
		emit(arg, c, view->channels[c], table->channel[c]);
	}
	if (pending)
		emit(arg, -1, UNATTRIBUTED_NAME, table->unattributed);
}

bool
credit_share(const SummaryView *view, double conversions, double *share)
{
	if (view->conversions == 0)
		return false;
	*share = conversions / (double) view->conversions;
	return true;
}

CreditTable
credit_table_alloc(const SummaryView *view)
{
	return (CreditTable){.channel = CORE_ALLOC_ZERO(attrib_env(), Credit, view->nchannels)};
}
