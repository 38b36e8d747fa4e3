/*
 * Chains in parallel workers. A worker gets mmm_fit's own arguments and reads them as the leader did, so there is no
 * second form of model, data and priors to keep in step; chains are handed out by a counter, and the leader takes
 * part.
 */
#include "mmm_chains.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "optimizer/cost.h"
#include "port/atomics.h"
#include "storage/shm_toc.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

/* Parts of the shared memory. */
enum
{
	KEY_SHARED = 1,
	KEY_ARGUMENTS,
	KEY_CHAINS,
	KEY_DRAWS,
};

#define MOST_ARGUMENTS 32

typedef struct Shared
{
	int arguments;
	pg_atomic_uint32 next; /* chain to be run */
} Shared;

typedef struct ArgumentType
{
	int16 length;
	bool by_value;
} ArgumentType;

extern PGDLLEXPORT void attrib_mmm_chains_worker(dsm_segment *segment, shm_toc *toc);

static int
argument_types(Oid function, ArgumentType *type)
{
	Oid *oid;
	int count;

	(void) get_func_signature(function, &oid, &count);
	for (int i = 0; i < count && i < MOST_ARGUMENTS; i++)
		get_typlenbyval(oid[i], &type[i].length, &type[i].by_value);
	return count;
}

/* Values that lie in tables only this session may see must come along whole. */
static void
detoast_arguments(FunctionCallInfo fcinfo, const ArgumentType *type)
{
	for (int i = 0; i < PG_NARGS(); i++)
		if (!PG_ARGISNULL(i) && type[i].length == -1)
			fcinfo->args[i].value = PointerGetDatum(PG_DETOAST_DATUM(fcinfo->args[i].value));
}

static Size
arguments_size(FunctionCallInfo fcinfo, const ArgumentType *type)
{
	Size size = 0;

	for (int i = 0; i < PG_NARGS(); i++)
		size = add_size(size, datumEstimateSpace(fcinfo->args[i].value, fcinfo->args[i].isnull,
												 type[i].by_value, type[i].length));
	return size;
}

/* Takes chains until there are none left; after a failure nobody begins another. */
static void
take_chains(MmmChains *chains, Shared *shared)
{
	uint32 number;

	while ((number = pg_atomic_fetch_add_u32(&shared->next, 1)) < (uint32) chains->request->bayes.chains)
		if (!mmm_chains_run(chains, (int) number))
			pg_atomic_write_u32(&shared->next, (uint32) chains->request->bayes.chains);
}

void
attrib_mmm_chains_worker(dsm_segment *segment, shm_toc *toc)
{
	LOCAL_FCINFO(fcinfo, MOST_ARGUMENTS);
	Shared *shared = shm_toc_lookup(toc, KEY_SHARED, false);
	char *at = shm_toc_lookup(toc, KEY_ARGUMENTS, false);
	MmmRequest request = {.ridge = {.candidates = 1}};
	MmmChains chains;

	(void) segment;
	InitFunctionCallInfoData(*fcinfo, NULL, shared->arguments, InvalidOid, NULL, NULL);
	for (int i = 0; i < shared->arguments; i++)
		fcinfo->args[i].value = datumRestore(&at, &fcinfo->args[i].isnull);
	mmm_fit_arguments(fcinfo, &request);
	mmm_chains_prepare(&chains, &request, attrib_env());
	chains.chain = shm_toc_lookup(toc, KEY_CHAINS, false);
	chains.draw = shm_toc_lookup(toc, KEY_DRAWS, false);
	take_chains(&chains, shared);
}

static int
workers_wanted(const MmmRequest *request)
{
	int limit = request->workers < 0 ? max_parallel_workers_per_gather : request->workers;

	/* below a Gather, and in a worker, the workers are somebody else's */
	if (IsInParallelMode() || !IsUnderPostmaster)
		return 0;
	return Min(limit, request->bayes.chains - 1);
}

/* Everything a worker needs, in the context's shared memory. */
static Shared *
share(ParallelContext *context, FunctionCallInfo fcinfo, const ArgumentType *type, Size chain_bytes,
	  Size draw_bytes, Size argument_bytes)
{
	Shared *shared = shm_toc_allocate(context->toc, sizeof(Shared));
	char *at = shm_toc_allocate(context->toc, argument_bytes);
	void *chain = shm_toc_allocate(context->toc, chain_bytes);

	shared->arguments = PG_NARGS();
	pg_atomic_init_u32(&shared->next, 0);
	memset(chain, 0, chain_bytes);
	shm_toc_insert(context->toc, KEY_SHARED, shared);
	shm_toc_insert(context->toc, KEY_ARGUMENTS, at);
	shm_toc_insert(context->toc, KEY_CHAINS, chain);
	shm_toc_insert(context->toc, KEY_DRAWS, shm_toc_allocate(context->toc, draw_bytes));
	for (int i = 0; i < PG_NARGS(); i++)
		datumSerialize(fcinfo->args[i].value, fcinfo->args[i].isnull, type[i].by_value, type[i].length, &at);
	return shared;
}

bool
mmm_chains_run_parallel(FunctionCallInfo fcinfo, MmmChains *chains)
{
	const MmmRequest *request = chains->request;
	MmmChains shared_chains = *chains;
	Size chain_bytes = sizeof(MmmChain) * request->bayes.chains;
	Size draw_bytes = sizeof(double) * request->bayes.chains * (Size) request->bayes.draws *
					  request->value.model.parameters;
	int workers = workers_wanted(request);
	ArgumentType type[MOST_ARGUMENTS];
	ParallelContext *context;
	Size argument_bytes;
	Shared *shared = NULL;

	if (workers <= 0 || argument_types(fcinfo->flinfo->fn_oid, type) != PG_NARGS())
		return false;
	detoast_arguments(fcinfo, type);
	argument_bytes = arguments_size(fcinfo, type);
	EnterParallelMode();
	context = CreateParallelContext("$libdir/attrib", "attrib_mmm_chains_worker", workers);
	shm_toc_estimate_chunk(&context->estimator, sizeof(Shared));
	shm_toc_estimate_chunk(&context->estimator, argument_bytes);
	shm_toc_estimate_chunk(&context->estimator, chain_bytes);
	shm_toc_estimate_chunk(&context->estimator, draw_bytes);
	shm_toc_estimate_keys(&context->estimator, 4);
	InitializeParallelDSM(context);
	if (context->seg != NULL)
	{
		shared = share(context, fcinfo, type, chain_bytes, draw_bytes, argument_bytes);
		LaunchParallelWorkers(context);
	}
	if (context->seg == NULL || context->nworkers_launched == 0)
	{
		DestroyParallelContext(context);
		ExitParallelMode();
		return false;
	}
	shared_chains.chain = shm_toc_lookup(context->toc, KEY_CHAINS, false);
	shared_chains.draw = shm_toc_lookup(context->toc, KEY_DRAWS, false);
	take_chains(&shared_chains, shared);
	WaitForParallelWorkersToFinish(context);
	memcpy(chains->chain, shared_chains.chain, chain_bytes);
	memcpy(chains->draw, shared_chains.draw, draw_bytes);
	DestroyParallelContext(context);
	ExitParallelMode();
	return true;
}
