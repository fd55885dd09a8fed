/* Which other domains a refusal may name. */
#pragma once

#include "domain_driver.h"
#include "undo.h"

/* Those that the client may not see have the name "" in @undo->foreign from then on, where an image of the
 * domain itself or of its snapshots is theirs as well: only those are asked for, for the access manager may
 * ask another process. Without locks. */
void qbjMomentUndoHide(const qbjUndo *undo, qbjDriver *driver);
