/* Server and client in C: hello_c answers itself; hello_c ADDRESS NAME... asks a hello_server. */
#include <stdio.h>
#include <string.h>

#include "httpteleport/c.h"

static const int64_t kSecond = 1000000000;

/* On a worker's thread of the server. */
static void greet(void* user, const httpteleport_request* request,
                  httpteleport_response* response) {
  const httpteleport_text target = httpteleport_request_target(request);
  char body[256];
  snprintf(body, sizeof body, "%s, %.*s\n", (const char*)user, (int)target.size - 1,
           target.data + 1);
  httpteleport_response_set_body(response, body, strlen(body));
  httpteleport_response_set_field(response, "Content-Type", "text/plain");
}

static int complain(const char* about, const httpteleport_error* error) {
  fprintf(stderr, "hello_c: %s: %s: %s\n", about, httpteleport_status_name(error->status),
          error->message);
  return 1;
}

/* One request and its answer, printed. */
static int ask(httpteleport_client* client, const char* name) {
  httpteleport_request* request = httpteleport_request_new();
  httpteleport_response* response = httpteleport_response_new();
  httpteleport_error error;
  char target[256];
  snprintf(target, sizeof target, "/%s", name);
  httpteleport_request_set_target(request, target);
  if (httpteleport_client_call(client, request, response, 5 * kSecond, &error) == HTTPTELEPORT_OK) {
    const httpteleport_text body = httpteleport_response_body(response);
    printf("%d %.*s", httpteleport_response_status(response), (int)body.size, body.data);
  }
  httpteleport_response_free(response);
  httpteleport_request_free(request);
  return error.status == HTTPTELEPORT_OK ? 0 : complain(name, &error);
}

static int ask_all(const char* address, int count, char** names) {
  httpteleport_client_options options;
  httpteleport_error error;
  int result = 0;
  httpteleport_client_options_init(&options, sizeof options);
  options.address = address;
  httpteleport_client* client = httpteleport_client_new(&options, &error);
  if (client == NULL) return complain(address, &error);
  for (int i = 0; i < count && result == 0; ++i)
    result = ask(client, names[i]);
  httpteleport_client_free(client);
  return result;
}

static int answer_itself(void) {
  char greeting[] = "greetings from C";
  char world[] = "world";
  char* names[] = {world};
  char address[128];
  httpteleport_error error;
  httpteleport_server* server = httpteleport_server_new(greet, greeting, NULL, &error);
  if (server == NULL) return complain("server", &error);
  int result = 1;
  if (httpteleport_server_listen(server, "127.0.0.1:0", &error) != HTTPTELEPORT_OK) {
    complain("127.0.0.1:0", &error);
  } else {
    httpteleport_server_address(server, 0, address, sizeof address);
    result = ask_all(address, 1, names);
    httpteleport_server_stop(server, kSecond);
  }
  httpteleport_server_free(server);
  return result;
}

int main(int argc, char** argv) {
  if (argc == 1) return answer_itself();
  if (argc == 2) {
    fprintf(stderr, "usage: hello_c [ADDRESS NAME...]\n");
    return 2;
  }
  return ask_all(argv[1], argc - 2, argv + 2);
}
