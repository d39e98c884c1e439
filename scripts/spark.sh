#!/usr/bin/env bash
# spark.sh FOLDER   creates a Python environment with Spark in FOLDER, and puts Iceberg's runtime into FOLDER/jars. Fails when
#                   either is unavailable, because a requested test must not be skipped.
# SPARK_JARS names a folder with the runtime; without it the runtime is downloaded once from Maven Central and verified by its
# checksum. pyspark comes from PyPI (about 460 MB). Needs Java 17: apt-get install openjdk-17-jre-headless.
set -euo pipefail
folder=${1:?usage: spark.sh FOLDER}
pyspark=4.1.4
jar=iceberg-spark-runtime-4.1_2.13-1.12.0.jar
sum=3123c3798af642dd537230923548e013ef41cc28b6626e5225808cf5670a0f82
central=https://repo1.maven.org/maven2/org/apache/iceberg/iceberg-spark-runtime-4.1_2.13/1.12.0

fail() { echo "spark: $*" >&2; exit 1; }

command -v java >/dev/null || fail "there is no Java; install openjdk-17-jre-headless"
if ! "$folder/bin/python" -c "import pyspark, sys; sys.exit(pyspark.__version__ != '$pyspark')" 2>/dev/null; then
  echo "spark: installing pyspark $pyspark (once, some minutes)"
  python3 -m venv --clear "$folder"
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "pyspark==$pyspark" ||
    fail "pyspark $pyspark could not be installed from PyPI"
fi
if [ ! -e "$folder/jars/$jar" ]; then
  mkdir -p "$folder/jars"
  part=$folder/jars/.part
  if [ -n "${SPARK_JARS:-}" ]; then
    cp "$SPARK_JARS/$jar" "$part" || fail "SPARK_JARS: there is no $jar in $SPARK_JARS"
  else
    curl -fsSL --connect-timeout 5 --max-time 300 -o "$part" "$central/$jar" ||
      fail "$jar could not be downloaded from Maven Central; set SPARK_JARS to a folder that has it"
  fi
  [ "$(sha256sum <"$part" | cut -c 1-64)" = "$sum" ] || fail "$jar has another SHA-256"
  mv "$part" "$folder/jars/$jar"
fi
