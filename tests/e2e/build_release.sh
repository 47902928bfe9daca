#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The release build in a folder of the test build, for the scenarios of what is installed: build_release.sh FOLDER
set -euo pipefail
folder=$1
cd "$(dirname "$0")/../.."
cmake --preset release -B "$folder" -DCONTACT_VAULT_TESTS=OFF
cmake --build "$folder"
