-- One database for each service, made when the server starts on an empty volume.
CREATE DATABASE integration;
CREATE DATABASE order_router;
CREATE DATABASE webhook_dispatcher;
