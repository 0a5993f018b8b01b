"""What each sample of Shopify's and WooCommerce's order documents becomes."""

from typing import Any

import pytest

from tests.samples import DOCUMENTED, SHOPIFY, WOOCOMMERCE, Sample, cut, read, said

BECOMES: dict[str, dict[str, Any]] = {
    "shopify/paid_multi_line": {
        "id": "9007199254741001",
        "number": "#2041",
        "placed_at": "2026-11-20T18:05:41+01:00",
        "currency": "EUR",
        "totals": {
            "total": "105.20",
            "subtotal": "97.30",
            "shipping": "7.90",
            "tax": "16.80",
            "discount": "5.00",
        },
        "client": {
            "name": "Mara Lindqvist",
            "email": "mara@lindqvist.example",
            "invoicing_address": {"company": "Lindqvist & Söhne", "street2": "Hinterhaus", "country": "DE"},
            "delivery_address": {"name": "Jonas Lindqvist", "postcode": "1070", "country": "AT"},
            "shopify": {"id": 9007199254741500, "tags": "wholesale"},
        },
        "shipping": {"method": "DHL Paket", "price": "7.90"},
        "lines": [
            {"id": "9007199254741011", "sku": "POT-GLASS", "quantity": 1, "price": "34.50", "weight": 640},
            {"id": "9007199254741012", "name": "Earl Grey - 100 g", "quantity": 6, "weight": 120},
            {"id": "9007199254741013", "sku": "", "quantity": 2, "weight": 0},
            {"id": "9007199254741014", "sku": "", "quantity": 2},
        ],
        "tags": ["VIP", "tea", "second order"],
        "channel": "web",
        "shopify": {"presentment_currency": "CHF", "note": "Please ring twice", "test": False},
    },
    "shopify/partly_shipped_partly_refunded": {
        "id": "5801220400001",
        "totals": {"total": "60.70", "subtotal": "55.80", "tax": "9.69"},
        "client": {"name": "Inês Moura", "email": "ines@example.com"},
        "lines": [
            {"sku": "MUG-BLUE", "quantity": 1, "shopify": {"quantity": 3}},
            {"sku": "HONEY-ACACIA", "quantity": 0, "shopify": {"quantity": 2}},
            {"sku": "TEA-ROOI", "quantity": 2, "shopify": {"quantity": 3}},
        ],
        "shopify": {"financial_status": "partially_refunded", "fulfillment_status": "partial"},
    },
    "shopify/cancelled": {
        "cancelled_at": "2026-11-17T15:31:19-05:00",
        "client": {
            "name": "Noor",
            "invoicing_address": None,
            "delivery_address": {"region": "Massachusetts"},
        },
        "lines": [{"quantity": 0}],
        "shopify": {"cancel_reason": "customer"},
    },
    "shopify/unpaid": {
        "placed_at": "2026-11-20T07:00:00Z",
        "channel": "shopify_draft_order",
        "lines": [{"quantity": 1}],
        "shopify": {"financial_status": "pending"},
    },
    "shopify/guest_without_address": {
        "client": {"name": "", "email": "", "invoicing_address": None, "delivery_address": None},
        "shipping": {"method": "", "price": None},
        "lines": [{"sku": "", "name": "Made to measure tray", "quantity": 1, "weight": 900}],
        "channel": "755000001",
    },
    "shopify/nothing_to_ship": {
        "lines": [
            {"name": "Gift card", "quantity": 0, "shopify": {"quantity": 1, "requires_shipping": False}},
            {"sku": "GUIDE-PDF", "quantity": 0},
        ],
        "client": {"delivery_address": None},
    },
    "shopify/fulfilled": {"lines": [{"quantity": 1}], "channel": "pos"},
    "shopify/refunded_before_shipping": {
        "cancelled_at": "2026-11-20T08:00:00+01:00",
        "totals": {"total": "0.00"},
        "lines": [{"quantity": 0}],
    },
    "payloads/shopify_order_created_3lines": {
        "id": "1073459963",
        "number": "#1002",
        "placed_at": "2025-07-02T11:30:45-05:00",
        "totals": {"total": "270.37", "subtotal": "255.92", "tax": "14.45"},
        "client": {"name": "", "email": "", "delivery_address": None},
        "lines": [
            {"quantity": 1, "weight": 1700},
            {"quantity": 1, "weight": 750},
            {"sku": "", "quantity": 2, "weight": 320},
        ],
    },
    "payloads/shopify_order_full": {
        "id": "450789469",
        "totals": {"total": "199.65"},
        "client": {"name": "Bob Norman", "delivery_address": {"postcode": "40202", "country": "US"}},
        "shipping": {"method": "Free Shipping", "price": "0.00"},
        "lines": [{"quantity": 0}, {"sku": "IPOD2008RED", "quantity": 1}, {"quantity": 0}],
        "shopify": {"po_number": "ABC123"},
    },
    "woocommerce/paid_multi_line": {
        "id": "9007199254740995",
        "number": "GM-2026-0815",
        "placed_at": "2026-11-20T16:28:02Z",
        "cancelled_at": None,
        "currency": "EUR",
        "totals": {"total": "50.39", "tax": "8.05", "shipping": "7.40", "discount": "2.00"},
        "client": {
            "name": "Léa Dubois",
            "email": "lea@example.fr",
            "invoicing_address": {"company": "Dubois & Filles", "phone": "+33 1 55 55 01 44"},
            "delivery_address": {"company": "", "postcode": "75011", "country": "FR", "phone": ""},
        },
        "shipping": {"method": "Colissimo – domicile", "price": "7.40"},
        "lines": [
            {"name": "Pepper – Size: 100 g", "sku": "PEP-100", "quantity": 3, "price": "3.333333"},
            {"name": "Salt & Lime", "sku": "", "price": "12.99", "weight": "missing"},
            {"name": "Mortar", "sku": "", "price": "20", "woocommerce": {"product_id": 0}},
        ],
        "channel": "checkout",
        "woocommerce": {"status": "processing", "customer_note": "Leave it with the neighbour <3"},
    },
    "woocommerce/completed_partly_refunded": {
        "placed_at": "2026-11-02T09:00:00Z",
        "totals": {"total": "31.90"},
        "lines": [{"quantity": 2}, {"quantity": 1}],
        "client": {"delivery_address": {"phone": "+31 20 555 0199"}},
        "woocommerce": {"refunds": [{"id": 8190, "reason": "arrived broken", "total": "-18.00"}]},
    },
    "woocommerce/cancelled": {"cancelled_at": "2026-11-18T21:15:03Z", "lines": [{"quantity": 2}]},
    "woocommerce/unpaid": {"woocommerce": {"status": "on-hold", "payment_method": "bacs"}},
    "woocommerce/guest_without_address": {
        "client": {
            "name": "",
            "email": "someone@example.com",
            "invoicing_address": None,
            "delivery_address": None,
        },
        "shipping": {"method": ""},
        "channel": "store-api",
    },
    "woocommerce/refunded_before_shipping": {
        "cancelled_at": "2026-11-19T09:00:00Z",
        "woocommerce": {"status": "refunded"},
    },
    "payloads/woocommerce_order_created_processing": {
        "id": "727",
        "number": "727",
        "placed_at": "2017-03-22T19:28:02Z",
        "totals": {"total": "29.35", "shipping": "10.00"},
        "client": {"name": "John Doe", "delivery_address": {"region": "CA", "country": "US"}},
        "shipping": {"method": "Flat Rate", "price": "10.00"},
        "lines": [
            {"sku": "", "quantity": 2, "price": "3"},
            {"name": "Ship Your Idea – Color: Black, Size: M Test", "price": "12"},
        ],
    },
    "payloads/woocommerce_order_updated_completed": {
        "id": "727",
        "updated_at": "2017-03-22T19:30:35Z",
        "woocommerce": {"status": "completed"},
    },
}


@pytest.mark.parametrize("sample", [*SHOPIFY, *WOOCOMMERCE, *DOCUMENTED], ids=lambda sample: sample.name)
def test_what_a_sample_becomes(sample: Sample) -> None:
    event = read(sample.document, sample.event_type)
    assert cut(said(event), BECOMES[sample.name]) == BECOMES[sample.name]
    assert (event.order.routable, event.cancelled) == (sample.routable, sample.cancelled)
