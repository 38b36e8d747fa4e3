/*
 * The differences between PostgreSQL 14 and 19 that attrib meets, in one place.
 */
#ifndef ATTRIB_COMPAT_H
#define ATTRIB_COMPAT_H

#include "postgres.h"
#include "fmgr.h"
#include "funcapi.h"

#if PG_VERSION_NUM < 140000
#error "attrib needs PostgreSQL 14 or newer"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* 15 introduced the one-call start of a materialized set-returning function (as SetSingleFuncCall in 15.0). */
#if PG_VERSION_NUM < 150000
extern void InitMaterializedSRF(FunctionCallInfo fcinfo, bits32 flags);
#endif

/* What a hash table of the executor may use. */
#include "executor/nodeHash.h"
#include "miscadmin.h"
#if PG_VERSION_NUM >= 150000
#define attrib_hash_memory_limit() get_hash_memory_limit()
#else
#define attrib_hash_memory_limit() ((size_t) get_hash_mem() * 1024)
#endif

/* 17 introduced the 64-bit finalizer of MurmurHash3, a bijection that spreads every bit. */
#if PG_VERSION_NUM < 170000
static inline uint64
murmurhash64(uint64 data)
{
	uint64 h = data;

	h ^= h >> 33;
	h *= UINT64CONST(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64CONST(0xc4ceb9fe1a85ec53);
	h ^= h >> 33;
	return h;
}
#endif

/* 18 put C11's word before the declaration in place of an attribute behind it. */
#ifndef pg_noreturn
#define pg_noreturn __attribute__((noreturn))
#endif

/* 18 renamed the magic block and lets it carry a name and version. */
#if PG_VERSION_NUM >= 180000
#define ATTRIB_MODULE_MAGIC PG_MODULE_MAGIC_EXT(.name = "attrib", .version = "1.0")
#else
#define ATTRIB_MODULE_MAGIC PG_MODULE_MAGIC
#endif

#endif
