//! What each peer takes, from its own documentation; nothing else is allowed.

use serde_json::{Value, json};

/// An object with exactly these fields; those in `required` must be there.
fn object(required: &[&str], properties: Value) -> Value {
    json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": false })
}

fn text(most: usize) -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": most })
}

/// <https://docs.slack.dev/reference/block-kit/blocks/> : a section's text has at most 3000 characters, a message 50 blocks. `<`
/// would begin a mention or a link.
pub fn slack() -> Value {
    let mrkdwn = object(
        &["type", "text"],
        json!({ "type": { "const": "mrkdwn" }, "text": { "type": "string", "minLength": 1, "maxLength": 3000, "pattern": "^[^<>]*$" } }),
    );
    let section = object(&["type", "text"], json!({ "type": { "const": "section" }, "text": mrkdwn }));
    let context = object(
        &["type", "elements"],
        json!({ "type": { "const": "context" }, "elements": { "type": "array", "items": mrkdwn, "minItems": 1, "maxItems": 10 } }),
    );
    object(
        &["text", "blocks"],
        json!({
            "text": { "type": "string", "minLength": 1, "maxLength": 40_000, "pattern": "^[^<>]*$" },
            "blocks": { "type": "array", "minItems": 1, "maxItems": 50, "items": { "oneOf": [section, context] } },
        }),
    )
}

/// <https://discord.com/developers/docs/resources/message#embed-object-embed-limits>
pub fn discord() -> Value {
    let field =
        object(&["name", "value"], json!({ "name": text(256), "value": text(1024), "inline": { "type": "boolean" } }));
    let embed = object(
        &["title"],
        json!({
            "title": text(256),
            "description": text(4096),
            "url": { "type": "string" },
            "color": { "type": "integer", "minimum": 0, "maximum": 0xFF_FF_FF },
            "fields": { "type": "array", "maxItems": 25, "items": field },
        }),
    );
    object(
        &["content", "embeds", "allowed_mentions"],
        json!({
            "content": text(2000),
            "embeds": { "type": "array", "minItems": 1, "maxItems": 10, "items": embed },
            "allowed_mentions": object(&["parse"], json!({ "parse": { "type": "array", "maxItems": 0 } })),
        }),
    )
}

/// <https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using>
pub fn teams() -> Value {
    let block = object(
        &["type", "text", "wrap"],
        json!({ "type": { "const": "TextBlock" }, "text": text(10_000), "wrap": { "const": true }, "weight": { "enum": ["bolder"] } }),
    );
    let fact = object(&["title", "value"], json!({ "title": text(100), "value": text(2000) }));
    let facts = object(
        &["type", "facts"],
        json!({ "type": { "const": "FactSet" }, "facts": { "type": "array", "minItems": 1, "items": fact } }),
    );
    let card = object(
        &["$schema", "type", "version", "body"],
        json!({
            "$schema": { "const": "http://adaptivecards.io/schemas/adaptive-card.json" },
            "type": { "const": "AdaptiveCard" },
            "version": { "enum": ["1.2", "1.3", "1.4"] },
            "body": { "type": "array", "minItems": 1, "items": { "oneOf": [block, facts] } },
        }),
    );
    let attachment = object(
        &["contentType", "content"],
        json!({
            "contentType": { "const": "application/vnd.microsoft.card.adaptive" },
            "contentUrl": { "type": "null" },
            "content": card,
        }),
    );
    object(
        &["type", "attachments"],
        json!({ "type": { "const": "message" }, "attachments": { "type": "array", "minItems": 1, "maxItems": 1, "items": attachment } }),
    )
}

/// <https://developer.pagerduty.com/docs/send-alert-event> : a payload belongs to a trigger, and the other actions need the key.
pub fn pagerduty() -> Value {
    let payload = object(
        &["summary", "source", "severity"],
        json!({
            "summary": text(1024),
            "source": text(255),
            "severity": { "enum": ["critical", "error", "warning", "info"] },
            "timestamp": { "type": "string", "format": "date-time" },
            "component": text(255),
            "group": text(255),
            "class": text(255),
            "custom_details": { "type": "object" },
        }),
    );
    let common =
        || json!({ "routing_key": { "type": "string", "pattern": "^[0-9a-zA-Z]{32}$" }, "dedup_key": text(255) });
    let with = |more: Value| {
        let mut fields = common();
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fields
    };
    let trigger = object(
        &["routing_key", "event_action", "payload"],
        with(json!({
            "event_action": { "const": "trigger" }, "payload": payload, "client": text(255),
            "client_url": { "type": "string", "format": "uri" }, "links": { "type": "array" }, "images": { "type": "array" },
        })),
    );
    let other = object(
        &["routing_key", "event_action", "dedup_key"],
        with(json!({ "event_action": { "enum": ["acknowledge", "resolve"] } })),
    );
    json!({ "oneOf": [trigger, other] })
}

/// <https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml>
pub fn alertmanager() -> Value {
    let names = json!({ "pattern": "^[a-zA-Z_][a-zA-Z0-9_]*$" });
    let labels = json!({
        "type": "object", "required": ["alertname"], "propertyNames": names,
        "additionalProperties": { "type": "string", "minLength": 1 },
    });
    let annotations = json!({ "type": "object", "propertyNames": names, "additionalProperties": { "type": "string" } });
    let alert = object(
        &["labels"],
        json!({
            "labels": labels,
            "annotations": annotations,
            "startsAt": { "type": "string", "format": "date-time" },
            "endsAt": { "type": "string", "format": "date-time" },
            "generatorURL": { "type": "string", "format": "uri" },
        }),
    );
    json!({ "type": "array", "minItems": 1, "items": alert })
}

/// <https://docs.ntfy.sh/publish/#publish-as-json>
pub fn ntfy() -> Value {
    object(
        &["topic", "message"],
        json!({
            "topic": { "type": "string", "pattern": "^[-_A-Za-z0-9]{1,64}$" },
            "title": text(250),
            "message": text(4096),
            "priority": { "type": "integer", "minimum": 1, "maximum": 5 },
            "tags": { "type": "array", "items": text(64) },
            "click": { "type": "string", "format": "uri" },
            "markdown": { "type": "boolean" },
            "actions": { "type": "array", "maxItems": 3 },
        }),
    )
}

/// docs/notifiers.md.
pub fn webhook() -> Value {
    let maybe = json!({ "type": ["string", "null"] });
    object(
        &[
            "schema",
            "type",
            "thread",
            "phase",
            "again",
            "dedup",
            "event",
            "severity",
            "at",
            "workspace",
            "key",
            "incident",
            "summary",
            "detail",
            "evidence_head",
        ],
        json!({
            "schema": { "const": 1 },
            "type": { "const": "notice" },
            "thread": text(1000),
            "phase": { "enum": ["single", "begins", "continues", "acknowledged", "ends"] },
            "again": { "type": "boolean" },
            "dedup": text(1000),
            "event": { "type": "string", "pattern": "^[a-z_]+(\\.[a-z_]+)+$" },
            "severity": { "enum": ["info", "notice", "warning", "critical"] },
            "at": { "type": "string", "format": "date-time" },
            "workspace": maybe, "key": maybe, "evidence_head": maybe,
            "incident": { "type": ["integer", "null"] },
            "summary": { "type": "string" },
            "detail": { "type": "string" },
        }),
    )
}
