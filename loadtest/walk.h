/* arpfload walk: one device through initial attach against a running server, step by step. */
#ifndef LOADTEST_WALK_H
#define LOADTEST_WALK_H

/* words[0] is "walk". Answers what main() does. */
int command_walk(int count, char **words);

#endif
