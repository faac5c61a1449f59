/* A fleet's subscribers, brought into the server on this machine. */
#ifndef LOADTEST_SUBSCRIBERS_IMPORT_H
#define LOADTEST_SUBSCRIBERS_IMPORT_H

/*
 * Has `arpfctl subscriber import` take the folder's file, where $ARPF_URL is this url and $ARPF_CONFIG is set: then
 * that server's database and token are at hand. Elsewhere it is for its operator to do. What is there already
 * stays; whether all are there the first answers show.
 */
void subscribers_import(const char *url, const char *folder);

#endif
