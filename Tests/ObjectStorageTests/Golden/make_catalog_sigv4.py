"""Makes catalog-sigv4.json: requests to catalogs signed by botocore, for RequestSignerTests.
Run: .venv/bin/python make_catalog_sigv4.py > catalog-sigv4.json"""
import datetime, hashlib, json, random, unittest.mock
from urllib.parse import quote
import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

random.seed(11)
ODD = list("abcXYZ019-._~ +=:%&?#@!$'()*,;[]/\x1f") + ["é", "日"]
PLACES = [("glue", "eu-central-1", "https://glue.eu-central-1.amazonaws.com/iceberg"),
          ("s3tables", "us-east-1", "https://s3tables.us-east-1.amazonaws.com/iceberg"),
          ("execute-api", "us-west-2", "https://abc123.execute-api.us-west-2.amazonaws.com"),
          ("execute-api", "us-west-2", "http://catalog.example.com:8181")]
PREFIXES = ["", "catalogs/123456789012/", "arn%3Aaws%3As3tables%3Aus-east-1%3A123456789012%3Abucket%2Fa/"]


def text(longest):
    return quote("".join(random.choice(ODD) for _ in range(random.randint(1, longest))), safe="~")


def case(number):
    service, region, address = random.choice(PLACES)
    method = random.choice(["GET", "POST", "HEAD"])
    path = "/v1/" + random.choice(["config", random.choice(PREFIXES) + f"namespaces/{text(8)}/tables/{text(8)}"])
    query = random.choice(["", "snapshots=all", f"warehouse={text(9)}", f"pageToken={text(9)}&b=2&a=1"])
    headers = [["Accept", "application/json"]]
    body = ""
    if method == "POST":
        body = json.dumps({"name": text(5)})
        headers.append(["Content-Type", "application/json"])
    token = random.choice([None, "token/with+signs=="])
    time = random.randint(946684800, 4102444799)
    url = f"{address}{path}" + (f"?{query}" if query else "")
    request = AWSRequest(method=method, url=url, data=body.encode(), headers=dict(headers))
    request.headers["x-amz-content-sha256"] = hashlib.sha256(body.encode()).hexdigest()
    now = datetime.datetime.fromtimestamp(time, datetime.timezone.utc)
    credentials = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token)
    with unittest.mock.patch("botocore.auth.get_current_datetime", return_value=now):
        botocore.auth.SigV4Auth(credentials, service, region).add_auth(request)
    return dict(service=service, region=region, method=method, url=url, headers=headers, body=body, token=token, time=time,
                authorization=request.headers["Authorization"])


print("[" + ",\n".join(json.dumps(case(number)) for number in range(40)) + "]")
