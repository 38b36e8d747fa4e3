#include "event_input.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/timestamp.h"

void
event_reject_time(int64 at, bool at_null)
{
	if (at_null)
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("an event's time must not be NULL"),
						errhint("Leave such rows out with FILTER (WHERE at IS NOT NULL).")));
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("an event's time must be finite, not %s",
						   TIMESTAMP_IS_NOBEGIN(at) ? "-infinity" : "infinity"),
					errhint("Leave such rows out with FILTER (WHERE isfinite(at)).")));
}

void
event_reject_value(double value, bool converted)
{
	char *text = exact_float8(value);

	if (isnan(value) || fabs(value) > FIXED_MAX_INPUT)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("a value must be a number up to %g, not %s", FIXED_MAX_INPUT, text),
						isfinite(value) ? errhint("Give values in a larger unit.")
										: errhint("Use NULL or 0 for conversions without a known value.")));
	if (value < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("a value must not be negative, but is %s", text),
						errhint("Net refunds against the order they refund.")));
	if (!converted && value != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a value of %s without a conversion", text),
				 errhint("Only rows with converted = true may have a value; use NULL or 0 elsewhere.")));
}

bool
channel_is_reserved(const char *channel, size_t length)
{
	static const char *const reserved[] = {UNATTRIBUTED_NAME, START_NAME, CONVERSION_NAME, NULL_NAME};

	for (int i = 0; i < (int) lengthof(reserved); i++)
		if (strlen(reserved[i]) == length && memcmp(reserved[i], channel, length) == 0)
			return true;
	return false;
}

void
channel_reject(const char *channel, size_t length, Node *escontext)
{
	errsave(escontext, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("a channel must not be named \"%.*s\"", (int) length, channel),
						errhint("%s, %s, %s and %s name rows and states of the answers; rename the channel.",
								UNATTRIBUTED_NAME, START_NAME, CONVERSION_NAME, NULL_NAME)));
}
