"""Runs Spark with Iceberg in the Python environment of pyspark. usage: spark_session.py JAR

Reads one request per line, {"warehouse": LOCATION, "sql": TEXT}, and answers each with one line, {"rows": [[TEXT, ...], ...]}
or {"error": TEXT}. The tables of a warehouse are `lakeN.NAMESPACE.TABLE`, and N is in the request: "lake".
"""
import json
import sys

from pyspark.sql import SparkSession


def main() -> None:
    # Keep Spark's own output out of the answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    spark = (SparkSession.builder.master('local[1]')
             .config('spark.jars', sys.argv[1])
             .config('spark.driver.memory', '1g')
             .config('spark.driver.host', '127.0.0.1')
             .config('spark.driver.bindAddress', '127.0.0.1')
             .config('spark.ui.enabled', 'false')
             .config('spark.sql.session.timeZone', 'UTC')
             .config('spark.sql.shuffle.partitions', '1')
             .config('spark.sql.extensions', 'org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions')
             .getOrCreate())
    spark.sparkContext.setLogLevel('ERROR')
    for line in sys.stdin:
        request = json.loads(line)
        lake = f'spark.sql.catalog.{request["lake"]}'
        for name, value in (('', 'org.apache.iceberg.spark.SparkCatalog'), ('.type', 'hadoop'),
                            ('.warehouse', request['warehouse']), ('.cache-enabled', 'false')):
            spark.conf.set(lake + name, value)
        try:
            answer = {'rows': [[str(value) for value in row] for row in spark.sql(request['sql']).collect()]}
        except Exception as error:
            answer = {'error': str(error)[:2000]}
        print(json.dumps(answer), file=answers, flush=True)


main()
