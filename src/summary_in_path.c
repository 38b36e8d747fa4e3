/*
 * A path in the text of a journey summary: its fields and numbers, and what they must agree on once it is complete.
 */
#include "summary_in.h"

#include "amount_text.h"
#include "miscadmin.h"

/* An error and 0 for what is no amount. */
static fixed128
parse_fixed(const SummaryReader *r, const char *token)
{
	ufixed128 whole;
	uint64 fraction;

	if (parse_amount(token, &whole, &fraction) && whole <= PG_INT64_MAX)
		return (fixed128) (whole << 64 | fraction);
	summary_in_invalid(
		r, psprintf("\"%s\" must be a plain decimal of at least 0 with at most %d decimals, not %s.", r->key,
					AMOUNT_DECIMALS, token));
	return 0;
}

void
summary_in_path_begin(SummaryReader *r)
{
	memset(&r->path, 0, sizeof(r->path));
	r->matured_given = r->matured_value_given = r->squares_given = false;
	r->ndecay = 0;
}

void
summary_in_touch(SummaryReader *r, const char *token)
{
	int64 channel;

	if (!summary_in_count(r, token, &channel))
		return;
	if (channel >= r->nchannels)
	{
		summary_in_invalid(r,
						   psprintf("Touch %s is not the number of a channel; there are %u, counted from 0.",
									token, r->nchannels));
		return;
	}
	if (r->path.ntouches == r->touches_capacity)
	{
		r->touches_capacity = Max(16, r->touches_capacity * 2);
		r->touches = r->touches ? repalloc_huge(r->touches, r->touches_capacity * sizeof(uint32))
								: palloc(r->touches_capacity * sizeof(uint32));
	}
	r->touches[r->path.ntouches++] = (uint32) channel;
}

void
summary_in_decay(SummaryReader *r, const char *token)
{
	DecayCredit *credit;
	fixed128 amount;

	if (r->pair == 0)
	{
		if (r->ndecay == r->decay_capacity)
		{
			r->decay_capacity = Max(16, r->decay_capacity * 2);
			r->decay = r->decay ? repalloc_huge(r->decay, r->decay_capacity * sizeof(DecayCredit))
								: palloc(r->decay_capacity * sizeof(DecayCredit));
		}
		r->ndecay++;
	}
	else if (r->pair > 1)
	{
		summary_in_invalid(r, "A decayed credit is a pair: conversions and value.");
		return;
	}
	credit = &r->decay[r->ndecay - 1];
	amount = parse_fixed(r, token);
	if (r->pair++ == 0)
		credit->conversions = (fixed128) ((ufixed128) amount >> (64 - DECAY_FRACTION_BITS));
	else
		credit->value = amount;
}

void
summary_in_path_field(SummaryReader *r, const char *token)
{
	SummaryPath *path = &r->path;
	ufixed128 whole;

	if (summary_in_key_is(r, "conversions"))
		(void) summary_in_count(r, token, &path->conversions);
	else if (summary_in_key_is(r, "lost"))
		(void) summary_in_count(r, token, &path->lost);
	else if (summary_in_key_is(r, "open"))
		(void) summary_in_count(r, token, &path->open);
	else if (summary_in_key_is(r, "value"))
		path->value = parse_fixed(r, token);
	else if (summary_in_key_is(r, "matured_conversions"))
	{
		(void) summary_in_count(r, token, &path->matured_conversions);
		r->matured_given = true;
	}
	else if (summary_in_key_is(r, "matured_value"))
	{
		path->matured_value = parse_fixed(r, token);
		r->matured_value_given = true;
	}
	else if (summary_in_key_is(r, "squares"))
	{
		if (!parse_amount(token, &whole, &path->squares.word[0]))
		{
			summary_in_invalid(r, psprintf("\"squares\" must be a plain decimal, not %s.", token));
			return;
		}
		path->squares.word[1] = (uint64) whole;
		path->squares.word[2] = (uint64) (whole >> 64);
		r->squares_given = true;
	}
	else
		summary_in_invalid(r, psprintf("Unknown key \"%s\" in a path.", r->key));
}

static int
compare_numbers(const void *a, const void *b)
{
	uint32 x = *(const uint32 *) a;
	uint32 y = *(const uint32 *) b;

	CHECK_FOR_INTERRUPTS();
	return x < y ? -1 : x > y;
}

/* The credits of a path must belong to its channels, in ascending number, and add up to its totals. */
static bool
check_decay(SummaryReader *r)
{
	SummaryPath *path = &r->path;
	fixed128 conversions = 0;
	fixed128 value = 0;
	uint32 *distinct;
	uint32 n = 0;

	distinct = palloc_extended(Max(path->ntouches, 1) * sizeof(uint32), MCXT_ALLOC_HUGE);
	memcpy(distinct, path->touches, path->ntouches * sizeof(uint32));
	qsort(distinct, path->ntouches, sizeof(uint32), compare_numbers);
	for (uint32 i = 0; i < path->ntouches; i++)
		if (n == 0 || distinct[n - 1] != distinct[i])
			distinct[n++] = distinct[i];
	if (n != r->ndecay || path->conversions == 0)
	{
		summary_in_invalid(r, psprintf("A path with %u channels has %u decayed credits.", n, r->ndecay));
		return false;
	}
	for (uint32 i = 0; i < n; i++)
	{
		r->decay[i].channel = distinct[i];
		if (!fixed_add(&conversions, r->decay[i].conversions) || !fixed_add(&value, r->decay[i].value))
		{
			summary_in_invalid(r, "Decayed credits are out of range.");
			return false;
		}
	}
	if (conversions != (fixed128) path->conversions << DECAY_FRACTION_BITS || value != path->value)
	{
		summary_in_invalid(r, "The decayed credits of a path must add up to its conversions and value.");
		return false;
	}
	path->decay = r->decay;
	path->ndecay = n;
	pfree(distinct);
	return true;
}

/* What the fields that were not given are by default, and what all of them must agree on. */
static bool
complete_amounts(SummaryReader *r)
{
	SummaryPath *path = &r->path;

	if (!r->matured_given)
		path->matured_conversions = path->conversions;
	if (!r->matured_value_given)
		path->matured_value = path->value;
	if (path->matured_conversions > path->conversions || path->matured_value > path->value ||
		(path->value != 0 && path->conversions == 0) ||
		(path->matured_value != 0 && path->matured_conversions == 0))
	{
		summary_in_invalid(r, "A path has value without conversions, or more matured than it has.");
		return false;
	}
	if (!r->squares_given && path->conversions > 0)
		path->squares = fixed_square_divide(fixed_square(path->value), (uint64) path->conversions);
	if (fixed_squares_possible(path->squares, path->value, path->conversions))
		return true;
	summary_in_invalid(r, "The squares of a path must lie between value^2 / conversions and value^2.");
	return false;
}

static bool
complete_decay(SummaryReader *r, bool several)
{
	if (r->ndecay && !check_decay(r))
		return false;
	if (r->ndecay == 0 && several && r->path.conversions > 0 && r->meta.has_half_life)
		summary_in_invalid(r, "A converting path of several channels lacks its decayed credits.");
	else if (r->ndecay && !r->meta.has_half_life)
		summary_in_invalid(r, "There are decayed credits, but the options before them have no half_life.");
	else
		return true;
	return false;
}

void
summary_in_path_end(SummaryReader *r)
{
	SummaryPath *path = &r->path;
	uint32 *touches = summary_state_scratch(r->state, path->ntouches);
	bool several = false;
	PathCounts counts;

	if (!complete_amounts(r))
		return;
	path->touches = r->touches;
	for (uint32 i = 0; i < path->ntouches; i++)
	{
		touches[i] = r->map[r->touches[i]];
		several = several || touches[i] != touches[0];
	}
	if (!complete_decay(r, several))
		return;
	counts = path_counts(path, r->nchannels);
	summary_state_add(r->state, touches, path->ntouches, &counts);
	CHECK_FOR_INTERRUPTS();
}
