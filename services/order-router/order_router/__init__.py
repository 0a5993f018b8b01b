"""The order-router: assigns every order to one holder, the right one, and can say why."""
