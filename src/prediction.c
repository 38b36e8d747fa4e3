/*
 * conversion_probability(): a path's chance to convert, from the chains of path_chain.h.
 */
#include "summary.h"

#include "arguments.h"
#include "core/path_chain.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(attrib_conversion_probability);

/* The chains of the summary last seen by this call site: a query scores many paths by one summary. */
typedef struct FittedChains
{
	MemoryContext context;
	struct varlena *source; /* the argument as it came, toasted or not */
	int order;
	const SummaryView *view;
	PathChain chain;
} FittedChains;

/*
 * Is it the same value? A toast pointer is compared as such, for within a statement it names one value; any
 * other datum by all its bytes, as its address may have been used again.
 */
static bool
same_source(const FittedChains *fitted, struct varlena *source, int order)
{
	return fitted->source != NULL && fitted->order == order &&
		   VARSIZE_ANY(source) == VARSIZE_ANY(fitted->source) &&
		   memcmp(source, fitted->source, VARSIZE_ANY(source)) == 0;
}

static void
fit_chains(FittedChains *fitted, struct varlena *source, int order)
{
	MemoryContext caller;
	SummaryMeta meta;

	fitted->source = NULL; /* until all of it is done */
	MemoryContextReset(fitted->context);
	caller = MemoryContextSwitchTo(fitted->context);
	fitted->view = summary_view_datum(PointerGetDatum(source), &meta);
	path_chain_init(&fitted->chain, order, fitted->view->nchannels, attrib_env());
	attrib_check_status(path_chain_learn(&fitted->chain, fitted->view), "conversion probability");
	path_chain_fit(&fitted->chain);
	fitted->order = order;
	fitted->source = palloc(VARSIZE_ANY(source));
	memcpy(fitted->source, source, VARSIZE_ANY(source));
	MemoryContextSwitchTo(caller);
}

static uint32
channel_number(const SummaryView *view, const char *name, int length)
{
	uint32 low = 0;
	uint32 high = view->nchannels;

	while (low < high)
	{
		uint32 middle = low + (high - low) / 2;
		int order = strncmp(view->channels[middle], name, length);

		if (order == 0)
			order = view->channels[middle][length] != '\0';
		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return PATH_CHAIN_UNKNOWN;
}

static uint32 *
path_numbers(const SummaryView *view, ArrayType *path, int *ntouches)
{
	Datum *elements;
	bool *nulls;
	uint32 *touches;

	if (ARR_NDIM(path) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("path must be a one-dimensional array, not one of %d dimensions", ARR_NDIM(path)),
				 errhint("Write it as ARRAY['email', 'search'].")));
	deconstruct_array(path, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, ntouches);
	touches = palloc(sizeof(uint32) * Max(*ntouches, 1));
	for (int i = 0; i < *ntouches; i++)
	{
		text *name;

		if (nulls[i])
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("path must not contain NULL"),
							errhint("Use array_remove(path, NULL), or name the unknown channel.")));
		name = DatumGetTextPP(elements[i]);
		touches[i] = channel_number(view, VARDATA_ANY(name), (int) VARSIZE_ANY_EXHDR(name));
	}
	return touches;
}

/* (s, path text[], markov_order) */
Datum
attrib_conversion_probability(PG_FUNCTION_ARGS)
{
	int order = argument_int32(fcinfo, 2, "markov_order", 1, PATH_CHAIN_MAX_ORDER);
	FittedChains *fitted = fcinfo->flinfo->fn_extra;
	struct varlena *source;
	uint32 *touches;
	int ntouches;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	source = (struct varlena *) DatumGetPointer(PG_GETARG_DATUM(0));
	if (VARATT_IS_EXTERNAL_EXPANDED(source))
		source = PG_DETOAST_DATUM(PG_GETARG_DATUM(0)); /* flattens it */
	if (fitted == NULL)
	{
		fitted = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(FittedChains));
		fitted->context =
			AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "attrib chains", ALLOCSET_DEFAULT_SIZES);
		fcinfo->flinfo->fn_extra = fitted;
	}
	if (!same_source(fitted, source, order))
		fit_chains(fitted, source, order);
	if (fitted->chain.journeys.converted + fitted->chain.journeys.lost == 0)
		PG_RETURN_NULL(); /* nothing to learn from */
	touches = path_numbers(fitted->view, PG_GETARG_ARRAYTYPE_P(1), &ntouches);
	PG_RETURN_FLOAT8(path_chain_probability(&fitted->chain, touches, (uint32) ntouches));
}
