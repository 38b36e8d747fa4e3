/*
 * Reading what stands before the paths of a flat summary: header, options and channels.
 */
#include <string.h>

#include "flat_reader.h"

static int64_t
get_count(FlatReader *r)
{
	return (int64_t) get_little(r, 8);
}

static fixed128
get_fixed(FlatReader *r)
{
	uint64_t low = get_little(r, 8);

	return (fixed128) ((ufixed128) get_little(r, 8) << 64 | low);
}

static const char *
get_text(FlatReader *r, FlatTextFn check, const CoreEnv *env)
{
	size_t length = get_varint(r, bytes_left(r));
	const char *text = (const char *) r->at;
	char *copy;

	/* the varint itself took bytes, so look again */
	if (r->failed || length > bytes_left(r) || memchr(text, 0, length) || (check && !check(text, length)))
	{
		reader_fail(r);
		return "";
	}
	copy = CORE_ALLOC(env, char, length + 1);
	memcpy(copy, text, length);
	copy[length] = '\0';
	r->at += length;
	return copy;
}

static void
get_options(FlatReader *r, FlatTextFn check, const CoreEnv *env, SummaryMeta *meta)
{
	uint8_t bits = get_byte(r);

	if (bits > (FLAT_OPTION_LOOKBACK | FLAT_OPTION_MAX_TOUCHES | FLAT_OPTION_REUSE))
		reader_fail(r);
	meta->has_lookback = bits & FLAT_OPTION_LOOKBACK;
	meta->has_max_touches = bits & FLAT_OPTION_MAX_TOUCHES;
	meta->reuse_touches = bits & FLAT_OPTION_REUSE;
	if (meta->has_lookback && (meta->lookback = (int64_t) get_varint(r, INT64_MAX)) == 0)
		reader_fail(r);
	if (meta->has_max_touches && (meta->max_touches = (uint32_t) get_varint(r, INT32_MAX)) == 0)
		reader_fail(r);
	if (meta->has_half_life && (meta->half_life = (int64_t) get_varint(r, INT64_MAX)) == 0)
		reader_fail(r);
	meta->channel_lookback = get_text(r, check, env);
	meta->transforms = get_text(r, check, env);
}

static void
get_header(FlatReader *r, FlatTextFn check, const CoreEnv *env, SummaryView *view, SummaryMeta *meta)
{
	uint8_t flags;

	memset(view, 0, sizeof(*view));
	memset(meta, 0, sizeof(*meta));
	meta->channel_lookback = meta->transforms = "";
	if (get_byte(r) != SUMMARY_FLAT_VERSION)
		reader_fail(r);
	flags = get_byte(r);
	meta->has_options = flags & FLAT_HAS_OPTIONS;
	meta->has_half_life = view->has_decay = flags & FLAT_HAS_HALF_LIFE;
	if (flags > (FLAT_HAS_OPTIONS | FLAT_HAS_HALF_LIFE) || flags == FLAT_HAS_HALF_LIFE ||
		get_little(r, 2) != 0)
		reader_fail(r);
	view->nchannels = (uint32_t) get_little(r, 4);
	view->npaths = get_little(r, 4);
	view->longest_path = (uint32_t) get_little(r, 4);
	view->ntouches = get_little(r, 8);
	view->conversions = get_count(r);
	view->lost = get_count(r);
	view->open = get_count(r);
	view->matured_conversions = get_count(r);
	view->value = get_fixed(r);
	view->matured_value = get_fixed(r);
	meta->touches_seen = get_count(r);
	meta->anonymous_touches = get_count(r);
	if (meta->touches_seen < meta->anonymous_touches || meta->anonymous_touches < 0)
		reader_fail(r);
	if (meta->has_options)
		get_options(r, check, env, meta);
}

CoreStatus
summary_flat_decode_header(const uint8_t *bytes, size_t nbytes, const CoreEnv *env, SummaryView *view,
						   SummaryMeta *meta)
{
	FlatReader r = {bytes, bytes + nbytes, false};

	get_header(&r, NULL, env, view, meta);
	return r.failed ? CORE_CORRUPT : CORE_OK;
}

static void
get_channels(FlatReader *r, FlatTextFn check_name, const CoreEnv *env, SummaryView *view)
{
	const char **names;

	if (view->nchannels > bytes_left(r))
	{
		reader_fail(r);
		return;
	}
	names = CORE_ALLOC(env, const char *, view->nchannels);
	for (uint32_t i = 0; i < view->nchannels && !r->failed; i++)
	{
		names[i] = get_text(r, check_name, env);
		/* strcmp compares unsigned bytes and no name holds a zero byte */
		if (i > 0 && strcmp(names[i - 1], names[i]) >= 0)
			reader_fail(r);
		if (i % CHECK_EVERY == 0)
			core_check(env);
	}
	view->channels = names;
}

CoreStatus
flat_read_head(FlatReader *r, FlatTextFn check_text, FlatTextFn check_name, const CoreEnv *env,
			   SummaryView *view, SummaryMeta *meta)
{
	get_header(r, check_text, env, view, meta);
	if (!r->failed)
		get_channels(r, check_name, env, view);
	/* two bytes are the least a path can take; every touch takes two bytes or more of text */
	if (r->failed || view->npaths > bytes_left(r) / 2 || view->longest_path > bytes_left(r) ||
		view->ntouches > view->npaths * view->longest_path)
		return CORE_CORRUPT;
	return view->ntouches > SUMMARY_MAX_TEXT / 2 ? CORE_TOO_LARGE : CORE_OK;
}
