#!/bin/sh
# Writes migrations, given as files in their order, as the C source behind db/migrations.h. Their names begin
# with their version, and versions count from 1 without a gap.
set -eu

count=0
echo '#include "db/migrations.h"'
echo
echo 'const struct migration migrations[] = {'
for file; do
	count=$((count + 1))
	name=$(basename "$file" .sql)
	case $name in
	"$(printf '%04d' $count)"_*) ;;
	*)
		echo "$0: $file should be number $count" >&2
		exit 1
		;;
	esac
	printf '\t{ %d, "%s",\n' "$count" "$name"
	awk '{ gsub(/\\/, "\\\\"); gsub(/"/, "\\\""); gsub(/\t/, "\\t"); printf "\t\t\"%s\\n\"\n", $0 }' "$file"
	printf '\t},\n'
done
echo '};'
echo "const int migration_count = $count;"
