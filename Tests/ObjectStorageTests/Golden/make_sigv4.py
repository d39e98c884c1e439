"""Makes sigv4.json: S3 requests signed by botocore, for SigningTests. Run: .venv/bin/python make_sigv4.py > sigv4.json"""
import datetime, hashlib, json, random, unittest.mock
from urllib.parse import quote
import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

random.seed(7)
ODD = list("abcXYZ019-._~/ +=:%&?#@!$'()*,;[]\\^`{}|<>\"\n\t\x01") + ["é", "e\u0301", "ß", "日", "😀", "%2F", "//", "/./", "/../"]


def text(longest):
    return "".join(random.choice(ODD) for _ in range(random.randint(1, longest)))


def case(number):
    bucket, region = "bucket-%d" % number, random.choice(["us-east-1", "eu-central-1"])
    key = text(20)
    query = random.choice([[], [["uploads", ""]], [["prefix", text(9)], ["list-type", "2"], ["continuation-token", text(9)]],
                           [["partNumber", "2"], ["uploadId", text(9)]], [["b", "2"], ["a", text(3)], ["a", "1"], ["A", "0"]]])
    headers = random.choice([[], [["Range", "bytes=0-9"]], [["If-None-Match", "*"], ["Content-Type", "application/xml"]],
                             [["Content-MD5", "abc=="], ["x-amz-meta-a", "one  two   three"]]])
    body = random.choice(["", "Welcome to Amazon S3."])
    token = random.choice([None, "token/with+signs=="])
    time = random.randint(946684800, 4102444799)
    host = bucket + ".s3.example.com:9000"
    path = "/" + quote(key, safe="/~")
    request = AWSRequest(method="PUT", url="https://" + host + path, data=body.encode(),
                         params=[tuple(pair) for pair in query])
    for name, value in headers:
        request.headers[name] = value
    credentials = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token)
    signer = botocore.auth.S3SigV4Auth(credentials, "s3", region)
    now = datetime.datetime.fromtimestamp(time, datetime.timezone.utc)
    with unittest.mock.patch("botocore.auth.get_current_datetime", return_value=now):
        request.context["client_config"] = None
        signer.add_auth(request)
    assert request.headers["X-Amz-Content-SHA256"] == hashlib.sha256(body.encode()).hexdigest()
    return dict(bucket=bucket, region=region, key=key, query=query, headers=headers, body=body, token=token, time=time,
                path=path, date=request.headers["X-Amz-Date"], authorization=request.headers["Authorization"])


print("[" + ",\n".join(json.dumps(case(number)) for number in range(40)) + "]")
