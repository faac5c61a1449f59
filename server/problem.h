/* The answer of a transaction that was refused: application/problem+json (RFC 9457, TS 29.500). */
#ifndef SERVER_PROBLEM_H
#define SERVER_PROBLEM_H

#include "procedures/body.h"
#include "procedures/procedure.h"

/* Sets t->answer from t->outcome, detail and invalid parameters; an item of a batch gets its short form. */
void problem_answer(struct txn *t);

#endif
