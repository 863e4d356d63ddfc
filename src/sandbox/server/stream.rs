//! A message as a stream of server-sent events, in the provider's documented order.

use serde_json::{Value, json};

/// The events that tell the same as the whole message: its start without content, each block in pieces, why it ended and what
/// it used.
pub fn events(message: &Value) -> String {
    let mut text = String::new();
    let mut send = |event: Value| {
        let name = event["type"].as_str().unwrap_or_default();
        text.push_str(&format!("event: {name}\ndata: {event}\n\n"));
    };
    let mut start = message.clone();
    start["content"] = json!([]);
    start["stop_reason"] = Value::Null;
    start["usage"]["output_tokens"] = json!(1);
    send(json!({ "type": "message_start", "message": start }));
    for (index, block) in message["content"].as_array().into_iter().flatten().enumerate() {
        let empty = json!({ "type": "text", "text": "" });
        send(json!({ "type": "content_block_start", "index": index, "content_block": empty }));
        send(json!({ "type": "ping" }));
        for piece in block["text"].as_str().unwrap_or_default().split_inclusive(' ') {
            let delta = json!({ "type": "text_delta", "text": piece });
            send(json!({ "type": "content_block_delta", "index": index, "delta": delta }));
        }
        send(json!({ "type": "content_block_stop", "index": index }));
    }
    let delta = json!({ "stop_reason": message["stop_reason"], "stop_sequence": Value::Null });
    let usage = json!({ "output_tokens": message["usage"]["output_tokens"] });
    send(json!({ "type": "message_delta", "delta": delta, "usage": usage }));
    send(json!({ "type": "message_stop" }));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_events_come_in_the_documented_order_and_add_up_to_the_message() {
        let message = json!({
            "id": "msg_1", "type": "message", "content": [{ "type": "text", "text": "two words" }],
            "stop_reason": "end_turn", "usage": { "input_tokens": 7, "output_tokens": 5 },
        });
        let text = events(&message);
        let data: Vec<Value> = text
            .split_terminator("\n\n")
            .map(|event| {
                let (name, data) = event.split_once('\n').unwrap();
                let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
                assert_eq!(name, format!("event: {}", data["type"].as_str().unwrap()));
                data
            })
            .collect();
        let kinds: Vec<&str> = data.iter().map(|event| event["type"].as_str().unwrap()).collect();
        let expected = "message_start content_block_start ping content_block_delta content_block_delta \
                        content_block_stop message_delta message_stop";
        assert_eq!(kinds.join(" "), expected);
        assert_eq!(data[0]["message"]["content"], json!([]));
        let said: String = data.iter().filter_map(|event| event["delta"]["text"].as_str()).collect();
        assert_eq!(said, "two words");
        assert_eq!(data[6]["delta"]["stop_reason"], "end_turn");
        assert_eq!(data[6]["usage"]["output_tokens"], 5);
    }
}
