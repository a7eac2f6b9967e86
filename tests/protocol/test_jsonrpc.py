import json

import pytest

from protocol.errors import INVALID_REQUEST, RpcError
from protocol.jsonrpc import Error, Notification, Request, Response, parse


def test_a_request_has_an_id_a_method_and_undecoded_params() -> None:
    message = parse('{"id":7,"method":"a/b","params":{"x":[1]},"jsonrpc":"2.0","trace":{"traceparent":"junk"}}')
    assert isinstance(message, Request)
    assert (message.id, message.method, json.loads(bytes(message.params))) == (7, "a/b", {"x": [1]})


@pytest.mark.parametrize("request_id", ["abc", "", 0, -1, 2**63 - 1, -(2**63)])
def test_ids_are_strings_and_signed_64_bit_integers(request_id: int | str) -> None:
    message = parse(json.dumps({"id": request_id, "method": "m"}))
    assert isinstance(message, Request)
    assert message.id == request_id
    assert type(message.id) is type(request_id)


def test_a_message_without_an_id_is_a_notification() -> None:
    assert isinstance(parse('{"method":"initialized"}'), Notification)


def test_an_answer_carries_its_result_even_when_that_is_null() -> None:
    message = parse('{"id":"q","result":null}')
    assert isinstance(message, Response)
    assert bytes(message.result) == b"null"


def test_a_refusal_carries_its_error() -> None:
    message = parse('{"id":3,"error":{"code":-1,"message":"no","data":[1]}}')
    assert isinstance(message, Error)
    assert (message.error.code, message.error.message, message.error.data) == (-1, "no", [1])


def test_method_wins_over_result() -> None:
    assert isinstance(parse('{"id":1,"method":"m","result":1}'), Request)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nope", "not JSON"),
        ("", "not JSON"),
        ('{"id":1', "not JSON"),
        (b'{"method":"\xff"}', "not JSON"),
        ("[1,2]", "Expected `object`, got `array`"),
        ('"x"', "Expected `object`, got `str`"),
        ("{}", "`method`, `result` or `error`"),
        ('{"id":5}', "`method`, `result` or `error`"),
        ('{"id":null,"method":"m"}', "`id` must be"),
        ('{"id":1.5,"method":"m"}', "`id` must be"),
        ('{"id":true,"method":"m"}', "`id` must be"),
        ('{"id":9223372036854775808,"method":"m"}', "`id` must be"),
        ('{"id":{},"result":1}', "`id` must be"),
        ('{"id":1,"method":5}', "`method` must be a string"),
        ('{"id":1,"method":"m","trace":5}', "`$.trace`"),
        ('{"id":1,"error":{"code":1}}', "missing required field `message`"),
    ],
)
def test_what_is_no_message_is_refused_with_what_was_wrong(text: str | bytes, says: str) -> None:
    with pytest.raises(RpcError) as refused:
        parse(text)
    assert refused.value.body.code == INVALID_REQUEST
    assert says in refused.value.body.message


def test_nesting_without_end_is_refused_and_does_no_harm() -> None:
    with pytest.raises(RpcError):
        parse('{"id":1,"method":"m","params":' + "[" * 200_000)
