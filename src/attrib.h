/*
 * What the PostgreSQL side of attrib shares: the services it lends to src/core, and the shape in which
 * answers become rows.
 */
#ifndef ATTRIB_H
#define ATTRIB_H

#include "compat.h"

#include "core/summary_view.h"

/* Channel names no user may use: they are the names of rows and of the chain's ends. */
#define UNATTRIBUTED_NAME "(unattributed)"
#define START_NAME "(start)"
#define CONVERSION_NAME "(conversion)"
#define NULL_NAME "(null)"

/*
 * palloc in CurrentMemoryContext (huge sizes allowed, impossible ones are 54000) and
 * CHECK_FOR_INTERRUPTS, as src/core wants them.
 */
extern const CoreEnv *attrib_env(void);

/* The setting attrib.progress. */
extern bool attrib_progress;

/* Raises the error that a failed core call stands for; `what` names the computation in lower case. */
extern void attrib_check_status(CoreStatus status, const char *what);

/* A composite-returning SRF in one pass: begin, put rows, return (Datum) 0. */
typedef struct RowSink
{
	Tuplestorestate *store;
	TupleDesc desc;
} RowSink;

extern RowSink row_sink_begin(FunctionCallInfo fcinfo);
extern void row_sink_put(RowSink *sink, Datum *values, bool *nulls);

/*
 * Credits in the order users see them: channels by bytes with "(unattributed)" in its place among them.
 * Present exactly when something stayed unattributed. `channel` is -1 for that row.
 */
typedef void (*CreditRowFn)(void *arg, int64 channel, const char *name, Credit credit);
extern void credit_rows(const SummaryView *view, const CreditTable *table, CreditRowFn emit, void *arg);

/* share = conversions / all conversions; false (NULL) when there are none. */
extern bool credit_share(const SummaryView *view, double conversions, double *share);

extern CreditTable credit_table_alloc(const SummaryView *view);

#endif
