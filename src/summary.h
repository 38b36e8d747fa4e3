/*
 * journey_summary for its readers: how an accessor gets from a Datum to plain arrays.
 */
#ifndef ATTRIB_SUMMARY_H
#define ATTRIB_SUMMARY_H

#include "attrib.h"
#include "lib/stringinfo.h"

/*
 * Decodes argument `argno` (a journey_summary, flat or expanded, not NULL) into arrays that live in
 * CurrentMemoryContext. Whatever the physical form of the value, the arrays are in canonical order.
 */
extern const SummaryView *summary_view_arg(FunctionCallInfo fcinfo, int argno);

/* The same with what the summary remembers of its making. */
extern const SummaryView *summary_view_datum(Datum datum, SummaryMeta *meta);

/*
 * The same for the state of the aggregate that fcinfo is a final function of (argument 0 is the state,
 * left unchanged); NULL when there were no rows.
 */
extern const SummaryView *summary_view_state(FunctionCallInfo fcinfo);

/* Bytes of the value itself, uncompressed. */
extern int64 summary_datum_size(Datum datum);

/* The options as a JSON object, lookback and half_life as intervals; "null" for bare paths. */
extern void summary_options_json(StringInfo out, const SummaryMeta *meta);

/* The reverse; 22023 to `escontext`, and false, for options that journey_options() would refuse. */
extern bool summary_options_parse(char *json, SummaryMeta *meta, Node *escontext);

/* Could journey_options() have made these? For values that come as bytes from outside. */
extern bool summary_options_valid(const SummaryMeta *meta);

#endif
