#!/bin/sh
# Asks one question and prints the answer:  guard exec -w nightly -- ./ask.sh "What is a canary?"
set -eu
: "${ANTHROPIC_API_KEY:?run this under guard exec}"

# The key goes to curl by standard input: arguments can be read by everybody on the machine.
printf 'header = "x-api-key: %s"\n' "$ANTHROPIC_API_KEY" |
    curl --silent --show-error --fail-with-body --max-time 60 --config - \
        --header 'anthropic-version: 2023-06-01' \
        --json "$(jq -n --arg question "$1" --arg model "${ANTHROPIC_MODEL:-claude-haiku-4-5}" \
            '{model: $model, max_tokens: 256, messages: [{role: "user", content: $question}]}')" \
        "${ANTHROPIC_BASE_URL:-https://api.anthropic.com}/v1/messages" |
    jq -r '.content[0].text // .error.message'
