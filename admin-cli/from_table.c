#include "admin-cli/from_table.h"

#include "admin-cli/commands.h"

enum cli_end command_completion_bash(struct cli *cli)
{
	(void)cli;
	completion_write_bash(stdout, cli_commands);
	return CLI_DONE;
}

enum cli_end command_manual(struct cli *cli)
{
	const char *noun = cli->arguments[0];

	return manual_write(stdout, cli_commands, noun)
		       ? CLI_DONE
		       : cli_misuse("there is no command '%s'", noun);
}
