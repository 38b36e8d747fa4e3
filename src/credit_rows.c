/*
 * From credit to rows.
 */
#include "attrib.h"

#include <string.h>

#include "utils/tuplestore.h"

RowSink
row_sink_begin(FunctionCallInfo fcinfo)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	return (RowSink){result->setResult, result->setDesc};
}

void
row_sink_put(RowSink *sink, Datum *values, bool *nulls)
{
	tuplestore_putvalues(sink->store, sink->desc, values, nulls);
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
