/* What every public header needs: which symbols leave the library. C and C++. */
#ifndef HTTPTELEPORT_EXPORT_H_
#define HTTPTELEPORT_EXPORT_H_

#if defined(__GNUC__)
#define HTTPTELEPORT_EXPORT __attribute__((visibility("default")))
#else
#define HTTPTELEPORT_EXPORT
#endif

#endif /* HTTPTELEPORT_EXPORT_H_ */
