/*
 * What the PostgreSQL side of attrib shares: the services it lends to src/core, and the shape in which
 * answers become rows.
 */
#ifndef ATTRIB_H
#define ATTRIB_H

#include "compat.h"

#include "core/summary_view.h"
#include "utils/tuplestore.h"

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

/*
 * The shortest digits that read back as the same number. Never float8out(), whose digits depend on extra_float_digits:
 * values that are written as text or jsonb must not.
 */
extern char *exact_float8(double value);

/*
 * Where the rows of an answer go: a set-returning function's result, or an array of its row type, which is what an
 * aggregate returns instead.
 */
typedef struct RowSink
{
	TupleDesc desc;
	Tuplestorestate *store; /* NULL for an array: */
	Oid type;
	Datum *rows;
	int size;
	int capacity;
} RowSink;

extern RowSink row_sink_begin(FunctionCallInfo fcinfo);
extern void row_sink_put(RowSink *sink, Datum *values, bool *nulls);

/*
 * The row type is read off the function's own declaration, so nothing depends on what the calling expression
 * knows. row_sink_array() is the result, in the current context.
 */
extern RowSink row_sink_begin_array(FunctionCallInfo fcinfo);
extern Datum row_sink_array(RowSink *sink);

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
