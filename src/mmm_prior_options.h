/*
 * Priors and lift tests from JSON.
 */
#ifndef ATTRIB_MMM_PRIOR_OPTIONS_H
#define ATTRIB_MMM_PRIOR_OPTIONS_H

#include "attrib.h"

#include "core/mmm_beliefs.h"
#include "utils/jsonb.h"

/* Overrides defaults in `beliefs`; 22023 for names, distributions and arguments that make no sense. */
extern void mmm_priors_read(Jsonb *priors, const MmmModel *model, MmmBeliefs *beliefs);

/* Adds the tests to `beliefs`. */
extern void mmm_lift_tests_read(Jsonb *tests, const MmmModel *model, MmmBeliefs *beliefs);

#endif
