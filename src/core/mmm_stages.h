/*
 * Stages of mmm_fit_ridge, for one another.
 */
#ifndef ATTRIB_CORE_MMM_STAGES_H
#define ATTRIB_CORE_MMM_STAGES_H

#include "generator.h"
#include "mmm_search.h"

/* Numbers of the random streams, so that one stage's draws do not move when another's change. */
enum
{
	MMM_STREAM_START,
	MMM_STREAM_WALK,
	MMM_STREAM_VALIDATION,
	MMM_STREAM_BOOTSTRAP,
};

/* Steps of a descent that begins near its end. */
#define MMM_REFIT_DESCENT 12
#define MMM_WALK_KEPT 24

extern void mmm_report(const MmmFitOptions *options, const char *stage, long done, long total);

/* Random candidates, then descent from the best of them; the best end into z. */
extern double mmm_search_best(MmmRidge *ridge, const MmmFitOptions *options, int candidates, int starts,
							  int stream_number, double *z);

/* Notes in `fit` how far the shares of equally good fits lie apart; keeps MMM_WALK_KEPT of them at most. */
extern int mmm_walk_equal_fits(MmmRidge *ridge, const MmmFitOptions *options, const double *best, MmmFit *fit,
							   double *kept);

/* Fills fit->draw. */
extern void mmm_residual_bootstrap(MmmRidge *ridge, const MmmFitOptions *options, const double *best,
								   const double *kept, int nkept, MmmFit *fit);

#endif
