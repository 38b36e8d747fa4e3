/*
 * The one check of what users feed to the aggregates: events, channels and values.
 *
 * These run once a row, so the common case is a few comparisons inline and everything that ends in an error
 * is elsewhere.
 */
#ifndef ATTRIB_EVENT_INPUT_H
#define ATTRIB_EVENT_INPUT_H

#include "attrib.h"

#include "datatype/timestamp.h"

/* What a row is; a row can be both. */
#define EVENT_TOUCH 1
#define EVENT_CONVERSION 2

/* Each raises the error that fits; they return if the input is fine after all. */
extern void event_reject_time(int64 at, bool at_null);
extern void event_reject_value(double value, bool converted);

/* Leaves the error in `escontext`; raises it without one. */
extern void channel_reject(const char *channel, size_t length, Node *escontext);

extern bool channel_is_reserved(const char *channel, size_t length);

/* A channel may not be called like a row or a state of our own; all these names begin with a parenthesis. */
static inline void
channel_validate(const char *channel, size_t length)
{
	if (unlikely(length > 0 && channel[0] == '(' && channel_is_reserved(channel, length)))
		channel_reject(channel, length, NULL);
}

/* A conversion's value is in [0, FIXED_MAX_INPUT]; all else has none. */
static inline void
value_validate(double value, bool converted)
{
	if (unlikely(!(value == 0 || (converted && value > 0 && value <= FIXED_MAX_INPUT))))
		event_reject_value(value, converted);
}

/*
 * Checks a row of raw events and tells what it is: EVENT_ flags, 0 for a row to ignore. NULL `converted` and
 * NULL `value` come as false and 0.
 */
static inline int
event_validate(int64 at, bool at_null, const char *channel, size_t channel_length, bool channel_null,
			   bool converted, double value)
{
	if (unlikely(at_null || TIMESTAMP_NOT_FINITE(at)))
		event_reject_time(at, at_null);
	value_validate(value, converted);
	if (channel_null)
		return converted ? EVENT_CONVERSION : 0;
	channel_validate(channel, channel_length);
	return converted ? EVENT_TOUCH | EVENT_CONVERSION : EVENT_TOUCH;
}

#endif
