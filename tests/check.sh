# SPDX-License-Identifier: Apache-2.0
# For scripts that test the command: counts what passed and what failed.
passed=0
failed=0

# check NAME STATUS TEXT COMMAND..: the command ends with STATUS and prints TEXT (a regular expression)
check() {
  local name=$1 status=$2 text=$3 output found
  shift 3
  output=$("$@" 2>&1)
  found=$?
  if [ "$found" -eq "$status" ] && grep -qE -- "$text" <<<"$output"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAILED: %s\n  expected status %s and "%s"\n  found status %s and:\n%s\n' \
      "$name" "$status" "$text" "$found" "$(head -c 600 <<<"$output")"
  fi
}

# finish LEAST: the script's status; fewer than LEAST checks are a failure, too.
finish() {
  printf '%d passed, %d failed\n' "$passed" "$failed"
  [ "$failed" -eq 0 ] && [ "$passed" -ge "$1" ]
}
